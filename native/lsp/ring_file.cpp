// Makes this process's ring; see ring_file.hpp.
#include "ring_file.hpp"

#include <cstring>
#include <utility>

#include "core/version.hpp"
#include "own_identity.hpp"
#include "process_facts.hpp"
#include "raw_clock.hpp"
#include "spi/system_path.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

namespace {

std::uint64_t to_number(const FILETIME& time) {
    return std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}

bool ring_path(std::uint64_t start, unsigned long part, spi::PathText& path) {
    path.clear();
    if (!spi::program_data_folder(path)) {
        return false;
    }
    path << L"\\winsock-spi\\rings\\" << GetCurrentProcessId() << L"-";
    path.append_hex(start, 16);
    if (part > 1) {
        path << L"-" << part;
    }
    path << L".ring";
    return path.whole();
}

// Anyone may make files in that folder. CREATE_NEW: never one that somebody has put there; and a link of that name is
// not followed but found to be there. Readers map it, and may delete it once this process is gone.
// A process that was there before an upgrade can have two versions of this DLL loaded: each has a ring of its own.
spi::UniqueFile create_ring_file(std::uint64_t start, spi::PathText& path) {
    for (unsigned long part = 1; part <= core::max_ring_parts && ring_path(start, part, path); ++part) {
        spi::UniqueFile file(CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE,
                                         FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_NEW,
                                         FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
        if (file || GetLastError() != ERROR_FILE_EXISTS) {
            return file;
        }
    }
    return {};
}

// Copies UTF-16 text into a header's array; its length.
template <std::size_t Size>
std::uint16_t copy_text(std::uint16_t (&to)[Size], std::wstring_view text) {
    static_assert(sizeof(wchar_t) == sizeof(std::uint16_t));
    const std::size_t length = text.size() < Size ? text.size() : Size;
    std::memcpy(to, text.data(), length * sizeof(wchar_t));
    return static_cast<std::uint16_t>(length);
}

void fill_header(core::RingHeader& header, core::RingClock clock, std::uint64_t start, std::wstring_view reason) {
    header.abi = core::ring_abi;
    header.header_size = sizeof(core::RingHeader);
    header.record_size = sizeof(core::Record);
    header.record_count = core::default_record_count;
    header.pid = GetCurrentProcessId();
    header.parent_pid = own_parent();
    header.process_start = start;
    header.bits = sizeof(void*) * 8;
    header.mode = reason.empty() ? core::RingMode::active : core::RingMode::pass_through;
    header.clock = clock;
    header.provider_version = core::provider_version;
    header.reason_length = copy_text(header.reason, reason);

    wchar_t program[sizeof(core::RingHeader::program) / sizeof(wchar_t)];
    const DWORD length = GetModuleFileNameW(nullptr, program, static_cast<DWORD>(std::size(program)));
    header.program_length = copy_text(header.program, {program, length});

    LARGE_INTEGER frequency{};
    QueryPerformanceFrequency(&frequency);
    header.qpc_frequency = static_cast<std::uint64_t>(frequency.QuadPart);
    // The three together, nothing between them.
    FILETIME now{};
    const std::uint64_t counter = read_performance_counter();
    const std::uint64_t raw = read_clock(clock);
    GetSystemTimePreciseAsFileTime(&now);
    header.qpc_at_creation = counter;
    header.clock_at_creation = raw;
    header.filetime_at_creation = to_number(now);
}

} // namespace

bool make_ring(core::RingWriter& writer, core::RingClock clock, std::wstring_view reason) {
    const OwnIdentity identity; // a watcher believes only a ring whose owner is the process's user
    const std::uint64_t start = own_start_time();
    spi::PathText path;
    const spi::UniqueFile file = create_ring_file(start, path);
    if (!file) {
        return false;
    }
    constexpr std::size_t size = core::ring_size(core::default_record_count);
    const spi::UniqueHandle section(CreateFileMappingW(file.get(), nullptr, PAGE_READWRITE, 0, size, nullptr));
    void* const view = section ? MapViewOfFile(section.get(), FILE_MAP_WRITE, 0, 0, size) : nullptr;
    if (view == nullptr) {
        DeleteFileW(path.c_str());
        return false;
    }
    fill_header(*static_cast<core::RingHeader*>(view), clock, start, reason);
    writer.attach(view, core::default_record_count);
    return true;
}

} // namespace winsock_spi::lsp
