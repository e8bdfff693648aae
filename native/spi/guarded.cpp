// Reading and writing memory that a program passed to us; see guarded.hpp.
//
// GCC has no __try, so for mingw the copy is a routine of assembly with its own handler: on x64 the unwind table names
// it, on x86 it stands in the thread's handler list while the copy runs. The handler moves the instruction pointer to
// the routine's end with 0 as the result; the stack is then as it was during the copy. The sizes of a WSABUF and of a
// DWORD go without the string instruction, which takes long to begin: they are read in every observed send and receive.
#include "guarded.hpp"

#include "win32.hpp"

namespace winsock_spi::spi {

namespace {

constexpr bool is_memory_fault(DWORD code) {
    return code == static_cast<DWORD>(EXCEPTION_ACCESS_VIOLATION) ||
           code == static_cast<DWORD>(EXCEPTION_IN_PAGE_ERROR) ||
           code == static_cast<DWORD>(EXCEPTION_DATATYPE_MISALIGNMENT);
}

} // namespace

#if defined(_MSC_VER) && !defined(_M_IX86)

bool guarded_copy(void* to, const void* from, std::size_t size) {
    __try {
        std::memcpy(to, from, size);
        return true;
    } __except (is_memory_fault(GetExceptionCode()) ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        return false;
    }
}

#elif defined(_MSC_VER)

// __try on x86 needs the C runtime, which the provider does not have.
bool guarded_copy(void* to, const void* from, std::size_t size) {
    SIZE_T copied = 0;
    return WriteProcessMemory(GetCurrentProcess(), to, from, size, &copied) != FALSE && copied == size;
}

#else

extern "C" int winsock_spi_guarded_copy(void* to, const void* from, std::size_t size);
extern "C" void winsock_spi_guarded_copy_end();

extern "C" __attribute__((used)) EXCEPTION_DISPOSITION winsock_spi_guard_handler(EXCEPTION_RECORD* record, void*,
                                                                                 CONTEXT* context, void*) {
    constexpr DWORD unwinding = 0x2 | 0x4; // EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND
    if ((record->ExceptionFlags & unwinding) != 0 || !is_memory_fault(record->ExceptionCode)) {
        return ExceptionContinueSearch;
    }
    const auto end = reinterpret_cast<std::size_t>(&winsock_spi_guarded_copy_end);
#if defined(__x86_64__)
    context->Rip = end;
    context->Rax = 0;
#else
    context->Eip = end;
    context->Eax = 0;
#endif
    return ExceptionContinueExecution;
}

#if defined(__x86_64__)
asm(R"(
    .text
    .p2align 4
    .globl winsock_spi_guarded_copy
    .globl winsock_spi_guarded_copy_end
    .def winsock_spi_guarded_copy; .scl 2; .type 32; .endef
    .seh_proc winsock_spi_guarded_copy
winsock_spi_guarded_copy:
    pushq %rdi
    .seh_pushreg %rdi
    pushq %rsi
    .seh_pushreg %rsi
    subq $40, %rsp
    .seh_stackalloc 40
    .seh_handler winsock_spi_guard_handler, @except
    .seh_endprologue
    cmpq $16, %r8
    jne 1f
    movups (%rdx), %xmm0
    movups %xmm0, (%rcx)
    jmp 3f
1:
    cmpq $4, %r8
    jne 2f
    movl (%rdx), %eax
    movl %eax, (%rcx)
    jmp 3f
2:
    movq %rcx, %rdi
    movq %rdx, %rsi
    movq %r8, %rcx
    rep movsb
3:
    movl $1, %eax
winsock_spi_guarded_copy_end:
    addq $40, %rsp
    popq %rsi
    popq %rdi
    ret
    .seh_endproc
)");
#else
asm(R"(
    .text
    .p2align 4
    .globl _winsock_spi_guarded_copy
    .globl _winsock_spi_guarded_copy_end
    .def _winsock_spi_guarded_copy; .scl 2; .type 32; .endef
_winsock_spi_guarded_copy:
    pushl %ebp
    movl %esp, %ebp
    pushl %esi
    pushl %edi
    pushl $_winsock_spi_guard_handler
    pushl %fs:0
    movl %esp, %fs:0
    movl 8(%ebp), %edi
    movl 12(%ebp), %esi
    movl 16(%ebp), %ecx
    cmpl $8, %ecx
    jne 1f
    movl (%esi), %eax
    movl 4(%esi), %edx
    movl %eax, (%edi)
    movl %edx, 4(%edi)
    jmp 3f
1:
    cmpl $4, %ecx
    jne 2f
    movl (%esi), %eax
    movl %eax, (%edi)
    jmp 3f
2:
    rep movsb
3:
    movl $1, %eax
_winsock_spi_guarded_copy_end:
    popl %fs:0
    addl $4, %esp
    popl %edi
    popl %esi
    popl %ebp
    ret
)");
#endif

bool guarded_copy(void* to, const void* from, std::size_t size) {
    return winsock_spi_guarded_copy(to, from, size) != 0;
}

#endif

} // namespace winsock_spi::spi
