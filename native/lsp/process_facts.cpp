// What rules may ask about this process; see process_facts.hpp.
#include "process_facts.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

#include "core/replaced_base.hpp"
#include "spi/nt_api.hpp"
#include "spi/unique.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::size_t path_room = 1024;    // UTF-16 units; a longer path is cut
constexpr std::size_t ancestor_room = 16;  // generations of processes above this one
constexpr std::size_t user_room = 192;     // a SID as text: at most 15 numbers

struct Facts {
    core::ProcessFacts facts;
    core::Ancestor ancestors[ancestor_room];
    char16_t program[path_room];
    char16_t ancestor_programs[ancestor_room][path_room];
    char16_t user[user_room];
};
// Made by the first who asks, and kept: rules point into it.
constinit Facts* known_facts = nullptr;
// What is left when there is no memory for more: the pid alone.
constinit core::ProcessFacts poor_facts{};

static_assert(sizeof(wchar_t) == sizeof(char16_t));
wchar_t* as_wide(char16_t* text) {
    return reinterpret_cast<wchar_t*>(text);
}
std::u16string_view as_utf16(const wchar_t* text) {
    std::size_t length = 0;
    while (text[length] != L'\0') {
        ++length;
    }
    return {reinterpret_cast<const char16_t*>(text), length};
}

std::uint64_t start_time(HANDLE process) {
    FILETIME start{};
    FILETIME exit{};
    FILETIME kernel{};
    FILETIME user{};
    return GetProcessTimes(process, &start, &exit, &kernel, &user)
               ? std::uint64_t{start.dwHighDateTime} << 32 | start.dwLowDateTime
               : 0;
}

// 0 when it is not told. Windows keeps the parent's pid in the field that winternl.h calls Reserved3.
std::uint32_t parent_of(HANDLE process) {
    struct BasicInformation {
        NTSTATUS exit_status;
        void* environment_block;
        ULONG_PTR affinity;
        LONG priority;
        ULONG_PTR pid;
        ULONG_PTR parent_pid;
    } information{};
    static_assert(sizeof(information) == sizeof(PROCESS_BASIC_INFORMATION));
    return spi::nt_success(
               NtQueryInformationProcess(process, ProcessBasicInformation, &information, sizeof(information), nullptr))
               ? static_cast<std::uint32_t>(information.parent_pid)
               : 0;
}

// A pid alone proves nothing, since Windows gives it to another process once its owner has gone: who is the parent must
// have been there before the child.
std::size_t find_ancestors(Facts& known) {
    std::size_t count = 0;
    std::uint64_t child_start = start_time(GetCurrentProcess());
    std::uint32_t pid = parent_of(GetCurrentProcess());
    while (count < ancestor_room && pid != 0) {
        const spi::UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
        const std::uint64_t start = process ? start_time(process.get()) : 0;
        if (start == 0 || start > child_start) {
            break;
        }
        char16_t* const program = known.ancestor_programs[count];
        DWORD length = path_room;
        if (!QueryFullProcessImageNameW(process.get(), 0, as_wide(program), &length)) {
            length = 0;
        }
        known.ancestors[count++] = {pid, {program, length}};
        child_start = start;
        pid = parent_of(process.get());
    }
    return count;
}

// S-1-authority-number-number..., as ConvertSidToStringSid writes it.
std::u16string_view user_of_process(char16_t (&text)[user_room]) {
    HANDLE opened = nullptr;
    if (!spi::nt_success(spi::NtOpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &opened))) {
        return {};
    }
    const spi::UniqueHandle token(opened);
    struct {
        TOKEN_USER user;
        std::byte sid[SECURITY_MAX_SID_SIZE];
    } information{};
    ULONG length = 0;
    if (!spi::nt_success(
            spi::NtQueryInformationToken(token.get(), TokenUser, &information, sizeof(information), &length))) {
        return {};
    }
    const SID& sid = *static_cast<const SID*>(information.user.User.Sid);
    std::uint64_t authority = 0;
    for (const BYTE byte : sid.IdentifierAuthority.Value) {
        authority = authority << 8 | byte;
    }
    spi::WideText<user_room> name;
    name << L"S-" << static_cast<unsigned long>(sid.Revision) << L"-";
    if (authority >> 32 != 0) {
        name << L"0x";
        name.append_hex(authority, 12);
    } else {
        name << static_cast<unsigned long>(authority);
    }
    for (BYTE index = 0; index < sid.SubAuthorityCount; ++index) {
        name << L"-" << static_cast<unsigned long>(sid.SubAuthority[index]);
    }
    std::memcpy(text, name.c_str(), name.length() * sizeof(char16_t));
    return {text, name.length()};
}

bool in_job(std::u16string_view name) {
    wchar_t text[MAX_PATH];
    if (name.empty() || name.size() >= std::size(text)) {
        return false;
    }
    std::memcpy(text, name.data(), name.size() * sizeof(wchar_t));
    text[name.size()] = L'\0';
    const spi::UniqueHandle job(OpenJobObjectW(JOB_OBJECT_QUERY, FALSE, text));
    BOOL member = FALSE;
    return job && IsProcessInJob(GetCurrentProcess(), job.get(), &member) && member;
}

// --- the stack ---

// Where the module begins that an address lies in; nullptr: in none. Takes no lock, unlike asking the loader.
const void* module_of(const void* address) {
    MEMORY_BASIC_INFORMATION information{};
    const bool found = VirtualQuery(address, &information, sizeof(information)) != 0;
    return found && information.Type == MEM_IMAGE ? information.AllocationBase : nullptr;
}

// ws2_32 leads calls to us, wsock32 to ws2_32, and mswsock has functions of its own that call Winsock.
bool is_winsock(std::wstring_view path) {
    const std::wstring_view name = core::file_name(path);
    return core::equal_ascii_names(name, L"ws2_32.dll") || core::equal_ascii_names(name, L"wsock32.dll") ||
           core::equal_ascii_names(name, L"mswsock.dll");
}

} // namespace

const core::ProcessFacts& process_facts() {
    if (known_facts != nullptr) {
        return known_facts->facts;
    }
    poor_facts.pid = GetCurrentProcessId();
    poor_facts.in_job = in_job;
    auto* const made = static_cast<Facts*>(HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(Facts)));
    if (made == nullptr) {
        return poor_facts;
    }
    core::ProcessFacts& facts = made->facts;
    facts = poor_facts;
    facts.program = {made->program, GetModuleFileNameW(nullptr, as_wide(made->program), path_room)};
    facts.command_line = as_utf16(GetCommandLineW()); // the process's own; it stays
    facts.user = user_of_process(made->user);
    facts.ancestors = {made->ancestors, find_ancestors(*made)};
    known_facts = made;
    return facts;
}

std::uint64_t own_start_time() {
    return start_time(GetCurrentProcess());
}

std::uint32_t own_parent() {
    return parent_of(GetCurrentProcess());
}

CallingModule::CallingModule() {
    constexpr DWORD frames = 48;
    void* stack[frames];
    const USHORT depth = RtlCaptureStackBackTrace(1, frames, stack, nullptr);
    const void* const own = module_of(std::bit_cast<const void*>(&process_facts));
    const void* seen = own;
    for (USHORT frame = 0; frame < depth; ++frame) {
        const void* const module = module_of(stack[frame]);
        if (module == nullptr || module == own || module == seen) {
            continue;
        }
        seen = module;
        const DWORD length =
            GetModuleFileNameW(static_cast<HMODULE>(const_cast<void*>(module)), as_wide(text_), capacity);
        if (length != 0 && !is_winsock({as_wide(text_), length})) {
            length_ = length;
            return;
        }
    }
}

std::uint16_t minute_of_week() {
    SYSTEMTIME now{};
    GetLocalTime(&now);
    const int day = (now.wDayOfWeek + 6) % 7; // Sunday = 0 there
    return static_cast<std::uint16_t>((day * 24 + now.wHour) * 60 + now.wMinute);
}

} // namespace winsock_spi::lsp
