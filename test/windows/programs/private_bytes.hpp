// What is committed for a process alone.
#pragma once

#include <windows.h>
#include <psapi.h>

#include <cstddef>
#include <cstdint>

namespace program {

// Wine's PrivateUsage is always 0: there, what is private, and of programs and DLLs what the process may write to.
inline std::int64_t listed_private_bytes(HANDLE process) {
    constexpr DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    std::int64_t sum = 0;
    MEMORY_BASIC_INFORMATION region{};
    for (const std::byte* at = nullptr; VirtualQueryEx(process, at, &region, sizeof region) == sizeof region;
         at = static_cast<const std::byte*>(region.BaseAddress) + region.RegionSize) {
        const bool own = region.Type == MEM_PRIVATE || (region.Type == MEM_IMAGE && (region.Protect & writable) != 0);
        if (region.State == MEM_COMMIT && own) {
            sum += static_cast<std::int64_t>(region.RegionSize);
        }
    }
    return sum;
}

// -1 where the system does not tell.
inline std::int64_t private_bytes(HANDLE process) {
    PROCESS_MEMORY_COUNTERS_EX memory{};
    memory.cb = sizeof memory;
    if (!K32GetProcessMemoryInfo(process, reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&memory), sizeof memory)) {
        return -1;
    }
    return memory.PrivateUsage != 0 ? static_cast<std::int64_t>(memory.PrivateUsage) : listed_private_bytes(process);
}

} // namespace program
