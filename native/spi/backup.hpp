// Backup files, as lib/catalog/backup.ts writes them:
//   { "format": "winsock-spi-backup", "version": 1, "created": ISO 8601,
//     "machine": { computer, windows, arch, catalogs }, "registry": tree, "decoded": {...}, "dlls": {...},
//     "checksum": "sha256:<hex of the registry member's JSON>" }
#pragma once

#include <string>
#include <string_view>

#include "machine.hpp"
#include "registry.hpp"
#include "status.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

struct Backup {
    std::string created;
    RegistryTree registry; // everything below WinSock2\Parameters
};

// ERR_BACKUP_CORRUPT (not JSON, truncated, wrong checksum), ERR_BACKUP_FOREIGN (another format), ERR_BACKUP_NEWER
// (another version), ERR_BACKUP_BITNESS (its catalogs are not those of this machine).
Status parse_backup(std::string_view text, const Machine& machine, Backup& backup);
Status read_backup(const std::wstring& path, const Machine& machine, Backup& backup);

// The catalog as it stands now, as the text of a backup file. The decoded part is left empty: it is for reading.
Status make_backup(const Machine& machine, std::string& text);

// Writes one into the folder of automatic backups.
Status write_automatic_backup(const Machine& machine, std::wstring& path);

} // namespace winsock_spi::spi
