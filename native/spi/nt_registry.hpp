// Reads values below HKEY_LOCAL_MACHINE through ntdll: the provider may not import advapi32.
#pragma once

#include "nt_api.hpp"
#include "unique.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace winsock_spi::spi {

// `path` counts from \Registry\Machine, for example L"SYSTEM\\CurrentControlSet". The 64-bit view on 64-bit Windows.
UniqueHandle open_machine_key(std::wstring_view path);
// Opens a subkey. Empty when it does not exist or may not be read.
UniqueHandle open_key(HANDLE parent, std::wstring_view path);

// Reads a value of at most 1000 bytes: its size, or 0 when it is absent, longer, or of another type.
std::size_t read_value(HANDLE key, std::wstring_view name, ULONG type, void* data, std::size_t room);

} // namespace winsock_spi::spi
