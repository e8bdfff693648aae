// The functions that the compiler and the standard headers call by themselves, since this DLL has no C runtime. Written
// with the processor's string instructions, which no optimiser turns back into calls of these very functions.
#include <cstddef>

#if defined(_MSC_VER)
#include <intrin.h>
#pragma function(memcpy, memset, memmove, memcmp)
#endif

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size);
void* memmove(void* to, const void* from, std::size_t size);
void* memset(void* to, int value, std::size_t size);
int memcmp(const void* left, const void* right, std::size_t size);
std::size_t wcslen(const wchar_t* text);

void* memcpy(void* to, const void* from, std::size_t size) {
#if defined(_MSC_VER) && (defined(_M_IX86) || defined(_M_X64))
    __movsb(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), size);
#elif defined(_MSC_VER)
    auto* target = static_cast<volatile unsigned char*>(to);
    const auto* source = static_cast<const unsigned char*>(from);
    while (size-- > 0) {
        *target++ = *source++;
    }
#else
    void* target = to;
    asm volatile("rep movsb" : "+D"(target), "+S"(from), "+c"(size) : : "memory");
#endif
    return to;
}

void* memset(void* to, int value, std::size_t size) {
#if defined(_MSC_VER) && (defined(_M_IX86) || defined(_M_X64))
    __stosb(static_cast<unsigned char*>(to), static_cast<unsigned char>(value), size);
#elif defined(_MSC_VER)
    auto* target = static_cast<volatile unsigned char*>(to);
    while (size-- > 0) {
        *target++ = static_cast<unsigned char>(value);
    }
#else
    void* target = to;
    asm volatile("rep stosb" : "+D"(target), "+c"(size) : "a"(value) : "memory");
#endif
    return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
    auto* target = static_cast<volatile unsigned char*>(to);
    const auto* source = static_cast<const volatile unsigned char*>(from);
    if (target <= source || target >= source + size) {
        return memcpy(to, from, size);
    }
    while (size-- > 0) {
        target[size] = source[size];
    }
    return to;
}

int memcmp(const void* left, const void* right, std::size_t size) {
    const auto* a = static_cast<const volatile unsigned char*>(left);
    const auto* b = static_cast<const volatile unsigned char*>(right);
    for (std::size_t index = 0; index < size; ++index) {
        const int difference = a[index] - b[index];
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

std::size_t wcslen(const wchar_t* text) {
    std::size_t length = 0;
    while (static_cast<const volatile wchar_t*>(text)[length] != L'\0') {
        ++length;
    }
    return length;
}

} // extern "C"
