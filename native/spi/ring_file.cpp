#include "ring_file.hpp"

#include "core/ring_format.hpp"
#include "machine.hpp"
#include "file_owner.hpp"
#include "process_tree.hpp"
#include "text.hpp"
#include "win32.hpp"

#include <psapi.h>
#include <winternl.h>

#include <cwchar>
#include <iterator>

namespace winsock_spi::spi {

namespace {

constexpr std::size_t start_digits = 16;
constexpr std::wstring_view suffix = L".ring";

// From ntifs.h; winternl.h has only some of these.
constexpr ULONG open_complete_if_oplocked = 0x0000'0100;
constexpr ULONG open_reparse_point = 0x0020'0000;
constexpr ULONG open_non_directory = 0x0000'0040;
constexpr ULONG open_synchronous = 0x0000'0020;
constexpr NTSTATUS status_oplock_break_in_progress = 0x0000'0108;

using NtCreateFileFunction = NTSTATUS(NTAPI*)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK,
                                              PLARGE_INTEGER, ULONG, ULONG, ULONG, ULONG, PVOID, ULONG);
using RtlNtStatusToDosErrorFunction = ULONG(NTAPI*)(NTSTATUS);

template <typename Function>
Function from_ntdll(const char* name) {
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(found));
}

// CreateFile would wait for the holder of an oplock on the file, for ever if it likes; NtCreateFile can say that it
// would have had to.
// https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntcreatefile
Status open_without_waiting(const std::wstring& path, UniqueFile& file) {
    static const auto nt_create_file = from_ntdll<NtCreateFileFunction>("NtCreateFile");
    static const auto to_error = from_ntdll<RtlNtStatusToDosErrorFunction>("RtlNtStatusToDosError");
    if (nt_create_file == nullptr || to_error == nullptr) {
        return system_error(ERROR_PROC_NOT_FOUND, "GetProcAddress", "NtCreateFile");
    }
    std::wstring native = L"\\??\\" + path;
    UNICODE_STRING name{};
    name.Buffer = native.data();
    name.Length = static_cast<USHORT>(native.size() * sizeof(wchar_t));
    name.MaximumLength = name.Length;
    OBJECT_ATTRIBUTES attributes{};
    attributes.Length = sizeof attributes;
    attributes.ObjectName = &name;
    attributes.Attributes = 0x40; // OBJ_CASE_INSENSITIVE
    IO_STATUS_BLOCK result{};
    HANDLE opened = nullptr;
    const NTSTATUS status = nt_create_file(
        &opened, GENERIC_READ | SYNCHRONIZE, &attributes, &result, nullptr, FILE_ATTRIBUTE_NORMAL,
        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 1 /* FILE_OPEN */,
        open_complete_if_oplocked | open_reparse_point | open_non_directory | open_synchronous, nullptr, 0);
    if (status < 0) {
        return system_error(to_error(status), "NtCreateFile", "open " + narrow(path));
    }
    file.reset(opened);
    if (status == status_oplock_break_in_progress) {
        file.reset();
        return system_error(ERROR_SHARING_VIOLATION, "NtCreateFile", "open " + narrow(path) + ", held by an oplock");
    }
    return {};
}

bool is_digit(wchar_t unit) {
    return unit >= L'0' && unit <= L'9';
}

} // namespace

std::wstring ring_name(const RingName& name) {
    wchar_t text[64];
    const unsigned long pid = name.process.pid;
    const unsigned long long start = name.process.start;
    const int length = std::swprintf(text, std::size(text), L"%lu-%016llx", pid, start);
    std::wstring result(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    if (name.part > 1) {
        result += L"-" + std::to_wstring(name.part);
    }
    return result.append(suffix);
}

std::optional<RingName> parse_ring_name(std::wstring_view text) {
    RingName name;
    std::uint64_t pid = 0;
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]) && at < 10; ++at) {
        pid = pid * 10 + static_cast<std::uint64_t>(text[at] - L'0');
    }
    if (at == 0 || pid > 0xFFFF'FFFF || text.size() < at + 1 + start_digits + suffix.size() || text[at] != L'-') {
        return std::nullopt;
    }
    name.process.pid = static_cast<std::uint32_t>(pid);
    for (const wchar_t unit : text.substr(at + 1, start_digits)) {
        const wchar_t lower = unit >= L'A' && unit <= L'F' ? static_cast<wchar_t>(unit - L'A' + L'a') : unit;
        if (!is_digit(lower) && (lower < L'a' || lower > L'f')) {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(is_digit(lower) ? lower - L'0' : lower - L'a' + 10);
        name.process.start = name.process.start << 4 | digit;
    }
    const std::wstring_view rest = text.substr(at + 1 + start_digits);
    if (rest.size() == suffix.size() + 2 && rest[0] == L'-' && is_digit(rest[1])) {
        name.part = static_cast<unsigned>(rest[1] - L'0');
    }
    const bool possible = name.part >= 1 && name.part <= core::max_ring_parts;
    return possible && equal_names(text, ring_name(name)) ? std::optional(name) : std::nullopt;
}

Status list_ring_names(const std::wstring& folder, std::size_t limit, std::vector<std::wstring>& names) {
    names.clear();
    WIN32_FIND_DATAW found{};
    const std::wstring pattern = folder + L"\\*.ring";
    const UniqueFind search(FindFirstFileExW(pattern.c_str(), FindExInfoBasic, &found, FindExSearchNameMatch, nullptr,
                                             FIND_FIRST_EX_LARGE_FETCH));
    if (!search) {
        const DWORD error = GetLastError();
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_NO_MORE_FILES
                   ? Status{}
                   : system_error(error, "FindFirstFileEx", "list " + narrow(folder));
    }
    do {
        if (parse_ring_name(found.cFileName)) {
            names.emplace_back(found.cFileName);
        }
    } while (names.size() < limit && FindNextFileW(search.get(), &found));
    return {};
}

Status list_process_ring_names(std::vector<std::wstring>& names) {
    names.clear();
    std::vector<DWORD> pids(1024);
    DWORD bytes = 0;
    for (;;) {
        const auto room = static_cast<DWORD>(pids.size() * sizeof(DWORD));
        if (!K32EnumProcesses(pids.data(), room, &bytes)) {
            return last_error("EnumProcesses");
        }
        if (bytes < room) {
            break;
        }
        pids.resize(pids.size() * 2);
    }
    pids.resize(bytes / sizeof(DWORD));
    for (const DWORD pid : pids) {
        const UniqueHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
        const std::uint64_t start = process ? process_start(process.get()) : 0;
        if (start != 0) {
            names.push_back(ring_name({{pid, start}}));
        }
    }
    return {};
}

RingOwner::RingOwner(const ProcessIdentity& process)
    : process_(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, process.pid)) {
    if (!process_) {
        unknown_ = GetLastError() == ERROR_ACCESS_DENIED;
    } else if (process_start(process_.get()) != process.start) {
        process_.reset();
    }
}

bool RingOwner::is_alive() const {
    return process_ ? WaitForSingleObject(process_.get(), 0) != WAIT_OBJECT_0 : unknown_;
}

std::wstring RingOwner::program() const {
    return process_ ? program_of(process_.get()) : std::wstring();
}

int RingOwner::bits() const {
    BOOL emulated = FALSE;
    if (!process_ || !IsWow64Process(process_.get(), &emulated)) {
        return 0;
    }
    return is_64_bit_windows() && !emulated ? 64 : 32;
}

bool RingOwner::made(HANDLE file) const {
    const FileOwner owner(file);
    const OwnerAnswer answer = process_ ? owner.is_of(process_.get()) : OwnerAnswer::unknown;
    return answer == OwnerAnswer::yes || (answer == OwnerAnswer::unknown && owner.is_trusted());
}

Status RingFile::open(const std::wstring& path, const RingOwner& owner, std::size_t smallest, std::size_t largest) {
    close();
    UniqueFile file;
    const Status status = open_without_waiting(path, file);
    if (!status.ok()) {
        return status;
    }
    BY_HANDLE_FILE_INFORMATION facts{};
    if (GetFileType(file.get()) != FILE_TYPE_DISK || !GetFileInformationByHandle(file.get(), &facts)) {
        return last_error("GetFileInformationByHandle", narrow(path));
    }
    const std::uint64_t size = static_cast<std::uint64_t>(facts.nFileSizeHigh) << 32 | facts.nFileSizeLow;
    if ((facts.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 || size < smallest || size > largest) {
        return system_error(ERROR_FILE_INVALID, "GetFileInformationByHandle", narrow(path) + " is no ring");
    }
    if (!owner.made(file.get())) {
        return system_error(ERROR_INVALID_OWNER, "GetSecurityInfo", narrow(path) + " is not of the process it names");
    }
    const UniqueHandle section(
        CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, static_cast<DWORD>(size), nullptr));
    if (!section) {
        return last_error("CreateFileMapping", narrow(path));
    }
    // From here on the file cannot get shorter: Windows refuses that for a file with a mapped view.
    void* view = MapViewOfFile(section.get(), FILE_MAP_READ, 0, 0, static_cast<SIZE_T>(size));
    if (view == nullptr) {
        return last_error("MapViewOfFile", narrow(path));
    }
    view_ = static_cast<const std::uint8_t*>(view);
    size_ = static_cast<std::size_t>(size);
    return {};
}

void RingFile::close() {
    if (view_ != nullptr) {
        UnmapViewOfFile(view_);
        view_ = nullptr;
        size_ = 0;
    }
}

Status remove_ring(const std::wstring& path) {
    if (DeleteFileW(path.c_str()) || GetLastError() == ERROR_FILE_NOT_FOUND) {
        return {};
    }
    return last_error("DeleteFile", narrow(path));
}

} // namespace winsock_spi::spi
