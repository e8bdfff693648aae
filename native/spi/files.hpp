// Files on disk: whole reads and writes that are really on the disk, and removal of what may be in use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "security.hpp"
#include "status.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

enum class FileKind { missing, file, folder, link };

// What is there under that name, links not followed.
Status file_kind(const std::wstring& path, FileKind& kind);

Status read_file(const std::wstring& path, std::vector<std::uint8_t>& bytes);
// As above, and refuses (ERR_UNTRUSTED_FILE) a file that someone else could have written. Checked and read through one
// handle.
Status read_trusted_file(const std::wstring& path, std::string& text);

// Creates a file (overwriting none), writes it and flushes it to the disk.
Status write_new_file(const std::wstring& path, const void* bytes, std::size_t size, Access access,
                      WritePoints& points);
// Without a descriptor: the folder's own is passed on.
Status write_new_file(const std::wstring& path, const void* bytes, std::size_t size, WritePoints& points);

// Puts a file of administrators in the place of another one, so that one of the two is always there whole. Written as
// "<path>.new" first.
Status replace_private_file(const std::wstring& path, std::string_view text, WritePoints& points);

// Renames within a volume, never over something else.
Status rename_file(const std::wstring& from, const std::wstring& to, WritePoints& points);

// "<path>.<16 hexadecimal digits>.<suffix>", different at every call.
std::wstring aside_name(const std::wstring& path, const wchar_t* suffix);

// Deletes a file; not being there is fine.
Status delete_file(const std::wstring& path, WritePoints& points);

// Deletes a folder, with what is in it if `contents`; links in it are deleted, not followed.
Status delete_folder(const std::wstring& path, bool contents, WritePoints& points);

} // namespace winsock_spi::spi
