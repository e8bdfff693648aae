// Tells the processor that a cache line will be written soon. Changes nothing but the time.
#pragma once

#if defined(_MSC_VER) && (defined(_M_IX86) || defined(_M_X64))
#include <intrin.h>
#endif

namespace winsock_spi::core {

inline void prefetch_to_write(const void* line) {
#if defined(__GNUC__)
    __builtin_prefetch(line, 1);
#elif defined(_M_X64) // Windows asks for the instruction on 64-bit processors only
    _m_prefetchw(const_cast<void*>(line));
#elif defined(_M_IX86)
    _mm_prefetch(static_cast<const char*>(line), _MM_HINT_T0);
#else
    (void)line;
#endif
}

} // namespace winsock_spi::core
