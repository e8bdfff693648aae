// Who may write what. Everything that this project leaves on a machine is made with one of these descriptors, never
// with what ProgramData happens to pass on (there any user may create files and folders).
//
//   program   C:\Program Files\winsock-spi\...     administrators and SYSTEM write; everyone runs it, app packages too
//   data      %ProgramData%\winsock-spi            administrators and SYSTEM write; users read
//   rings     %ProgramData%\winsock-spi\rings      every process puts its own ring there, and may not list the others'
//   private   backups, journal, helpers' requests  administrators and SYSTEM only
//   control   control.bin                          administrators and SYSTEM write; users and app packages read
//   watch     watch.bin                            every authenticated user reads and writes its bytes
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "status.hpp"
#include "unique.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

enum class Access { program, data, rings, private_access, control, watch };

// "program", "data", "rings", "private": the names that plans use for folders.
std::optional<Access> folder_access(std::string_view name);

// The descriptor as SDDL text.
const wchar_t* access_sddl(Access access);

// SECURITY_ATTRIBUTES made of SDDL text, for creating something.
class SecurityAttributes {
public:
    explicit SecurityAttributes(const wchar_t* sddl);
    // nullptr when the text was not understood; creating must then fail, not fall back to defaults.
    SECURITY_ATTRIBUTES* get() { return attributes_.lpSecurityDescriptor != nullptr ? &attributes_ : nullptr; }

private:
    UniqueLocal descriptor_;
    SECURITY_ATTRIBUTES attributes_{};
};

// Makes one folder. ERROR_ALREADY_EXISTS where something of that name is there.
Status create_folder(const std::wstring& path, Access access, WritePoints& points);

// Takes over a folder that exists: fails (ERR_FOREIGN_FOLDER) where it is a link to elsewhere or belongs to someone who
// is no administrator; else gives it the descriptor.
Status claim_folder(const std::wstring& path, Access access, WritePoints& points);

// Owner and DACL of a file or folder as SDDL, and setting them from it.
Status read_sddl(const std::wstring& path, std::string& sddl);
Status write_sddl(const std::wstring& path, const std::string& sddl, WritePoints& points);

// Fails (ERR_UNTRUSTED_FILE) where anyone but administrators, SYSTEM, the installer service or this very user owns or
// may change the open file: its contents would be commands from a stranger.
Status check_trusted_file(HANDLE file, const std::wstring& path);

} // namespace winsock_spi::spi
