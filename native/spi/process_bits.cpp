#include "process_bits.hpp"

#include <bit>

namespace winsock_spi::spi {

int process_bits(HANDLE process) {
    using IsWow64Process2Function = BOOL(WINAPI*)(HANDLE, USHORT*, USHORT*);
    const auto is_wow64_2 = std::bit_cast<IsWow64Process2Function>(
        GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "IsWow64Process2")); // Windows 10 1511
    USHORT process_machine = IMAGE_FILE_MACHINE_UNKNOWN;
    USHORT native_machine = IMAGE_FILE_MACHINE_UNKNOWN;
    if (is_wow64_2 != nullptr && is_wow64_2(process, &process_machine, &native_machine)) {
        const bool native = process_machine == IMAGE_FILE_MACHINE_UNKNOWN;
        return native && native_machine != IMAGE_FILE_MACHINE_I386 ? 64 : 32;
    }
    BOOL target_wow64 = FALSE;
    BOOL own_wow64 = FALSE;
    if (!IsWow64Process(process, &target_wow64) || !IsWow64Process(GetCurrentProcess(), &own_wow64)) {
        return 0;
    }
    const bool windows_64 = sizeof(void*) == 8 || own_wow64;
    return windows_64 && !target_wow64 ? 64 : 32;
}

} // namespace winsock_spi::spi
