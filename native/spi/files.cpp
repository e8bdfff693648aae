#include "files.hpp"

#include <atomic>

#include "text.hpp"

namespace winsock_spi::spi {
namespace {

constexpr std::uint64_t max_file_size = std::uint64_t{256} << 20;

Status read_open_file(HANDLE file, const std::wstring& path, std::vector<std::uint8_t>& bytes) {
    LARGE_INTEGER size{};
    if (!GetFileSizeEx(file, &size)) {
        return last_error("GetFileSizeEx", narrow(path));
    }
    if (static_cast<std::uint64_t>(size.QuadPart) > max_file_size) {
        return system_error(ERROR_FILE_TOO_LARGE, "ReadFile", narrow(path));
    }
    bytes.resize(static_cast<std::size_t>(size.QuadPart));
    std::size_t done = 0;
    while (done < bytes.size()) {
        DWORD count = 0;
        if (!ReadFile(file, bytes.data() + done, static_cast<DWORD>(bytes.size() - done), &count, nullptr)) {
            return last_error("ReadFile", narrow(path));
        }
        if (count == 0) { // became shorter meanwhile
            bytes.resize(done);
        }
        done += count;
    }
    return {};
}

UniqueFile open_to_read(const std::wstring& path) {
    return UniqueFile(CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
}

Status write_created(const std::wstring& path, const void* bytes, std::size_t size, SECURITY_ATTRIBUTES* security,
                     WritePoints& points) {
    points.next();
    const UniqueFile file(
        CreateFileW(path.c_str(), GENERIC_WRITE, 0, security, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        return last_error("CreateFileW", "create " + narrow(path));
    }
    points.next();
    const auto* at = static_cast<const std::uint8_t*>(bytes);
    while (size > 0) {
        DWORD count = 0;
        const DWORD part = static_cast<DWORD>(size < (1u << 24) ? size : 1u << 24);
        if (!WriteFile(file.get(), at, part, &count, nullptr)) {
            return last_error("WriteFile", narrow(path));
        }
        at += count;
        size -= count;
    }
    return FlushFileBuffers(file.get()) ? Status{} : last_error("FlushFileBuffers", narrow(path));
}

} // namespace

Status file_kind(const std::wstring& path, FileKind& kind) {
    const DWORD attributes = GetFileAttributesW(path.c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        const DWORD error = GetLastError();
        if (error != ERROR_FILE_NOT_FOUND && error != ERROR_PATH_NOT_FOUND) {
            return system_error(error, "GetFileAttributesW", narrow(path));
        }
        kind = FileKind::missing;
    } else if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        kind = FileKind::link;
    } else {
        kind = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileKind::folder : FileKind::file;
    }
    return {};
}

Status read_file(const std::wstring& path, std::vector<std::uint8_t>& bytes) {
    const UniqueFile file = open_to_read(path);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    return read_open_file(file.get(), path, bytes);
}

Status read_trusted_file(const std::wstring& path, std::string& text) {
    const UniqueFile file = open_to_read(path);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    if (Status status = check_trusted_file(file.get(), path); !status.ok()) {
        return status;
    }
    std::vector<std::uint8_t> bytes;
    if (Status status = read_open_file(file.get(), path, bytes); !status.ok()) {
        return status;
    }
    text.assign(bytes.begin(), bytes.end());
    return {};
}

Status write_new_file(const std::wstring& path, const void* bytes, std::size_t size, Access access,
                      WritePoints& points) {
    SecurityAttributes security(access_sddl(access));
    if (security.get() == nullptr) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW");
    }
    return write_created(path, bytes, size, security.get(), points);
}

Status write_new_file(const std::wstring& path, const void* bytes, std::size_t size, WritePoints& points) {
    return write_created(path, bytes, size, nullptr, points);
}

Status replace_private_file(const std::wstring& path, std::string_view text, WritePoints& points) {
    // Always the same name, so that what a killed process leaves of it is written over by the next one.
    const std::wstring fresh = path + L".new";
    if (Status status = delete_file(fresh, points); !status.ok()) {
        return status;
    }
    if (Status status = write_new_file(fresh, text.data(), text.size(), Access::private_access, points); !status.ok()) {
        return status;
    }
    points.next();
    if (!MoveFileExW(fresh.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return last_error("MoveFileExW", "replace " + narrow(path));
    }
    return {};
}

Status rename_file(const std::wstring& from, const std::wstring& to, WritePoints& points) {
    points.next();
    if (!MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_WRITE_THROUGH)) {
        return last_error("MoveFileExW", "rename " + narrow(from) + " to " + narrow(to));
    }
    return {};
}

std::wstring aside_name(const std::wstring& path, const wchar_t* suffix) {
    static std::atomic<std::uint32_t> counter{0};
    FILETIME now{};
    GetSystemTimeAsFileTime(&now);
    std::uint64_t unique = (static_cast<std::uint64_t>(now.dwHighDateTime) << 32 | now.dwLowDateTime) +
                           (static_cast<std::uint64_t>(GetCurrentProcessId()) << 44) + counter++;
    std::wstring digits;
    for (int i = 0; i < 16; ++i, unique <<= 4) {
        digits += L"0123456789abcdef"[unique >> 60];
    }
    return path + L"." + digits + L"." + suffix;
}

Status delete_file(const std::wstring& path, WritePoints& points) {
    FileKind kind = FileKind::missing;
    if (Status status = file_kind(path, kind); !status.ok() || kind == FileKind::missing) {
        return status;
    }
    points.next();
    return DeleteFileW(path.c_str()) ? Status{} : last_error("DeleteFileW", narrow(path));
}

Status delete_folder(const std::wstring& path, bool contents, WritePoints& points) {
    FileKind kind = FileKind::missing;
    if (Status status = file_kind(path, kind); !status.ok() || kind == FileKind::missing) {
        return status;
    }
    if (kind == FileKind::folder && contents) {
        WIN32_FIND_DATAW data{};
        const UniqueFind find(FindFirstFileW((path + L"\\*").c_str(), &data));
        if (!find) {
            return last_error("FindFirstFileW", narrow(path));
        }
        do {
            const std::wstring name = data.cFileName;
            if (name == L"." || name == L"..") {
                continue;
            }
            const std::wstring child = path + L"\\" + name;
            Status status;
            if ((data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
                status = delete_file(child, points);
            } else {
                status = delete_folder(child, contents, points); // a link to a folder is removed as a folder
            }
            if (!status.ok()) {
                return status;
            }
        } while (FindNextFileW(find.get(), &data));
    }
    points.next();
    return RemoveDirectoryW(path.c_str()) ? Status{} : last_error("RemoveDirectoryW", narrow(path));
}

} // namespace winsock_spi::spi
