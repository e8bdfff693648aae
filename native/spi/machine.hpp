// Facts about this machine that decide where things go. None comes from the environment: an elevated process may have
// inherited a hostile one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "status.hpp"
#include "win32.hpp"

namespace winsock_spi::spi {

struct Machine {
    const char* arch = "";     // of the machine, not of this process: "x64", "ia32", "arm64"
    std::string windows;       // "10.0.19045"
    std::vector<int> catalogs; // {64, 32} or {32}
    bool wine = false;         // this is Wine and no Windows: nothing is signed there, and no policy asks for it
    bool elevated = false;     // this process may do what Administrators may
    std::wstring program_files; // the native one, also for a 32-bit process
    std::wstring program_data;
    std::wstring system_root;
    std::wstring computer;
};

Status read_machine(Machine& machine);

// %ProgramData% as HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList has it: the provider looks there too.
Status program_data_folder(std::wstring& path);

// The folder of everything that processes share and operations leave: <ProgramData>\winsock-spi.
Status data_folder(std::wstring& path);

// The integrity level of this process (SECURITY_MANDATORY_..._RID); nothing where it cannot be asked.
std::optional<DWORD> own_integrity();

bool is_64_bit_windows();

// Expands a provider's path as a process of that bitness would, including the folder that 32-bit programs are given
// instead of System32. The result is for looking at the file, not for a catalog.
Status expand_path(const std::wstring& path, int bits, std::wstring& expanded);

} // namespace winsock_spi::spi
