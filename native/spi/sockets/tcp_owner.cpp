#include "tcp_owner.hpp"

#include "../process_tree.hpp"
#include "../system_library.hpp"

#include <iphlpapi.h>
#include <tlhelp32.h>

#include <cstddef>
#include <unordered_map>
#include <vector>

namespace winsock_spi::spi {
namespace {

// More ancestors than this nobody has; parent ids are only what was, and may form a circle.
constexpr int most_ancestors = 64;
// The table grows between the question for its size and the one for its rows.
constexpr int most_tries = 8;
constexpr DWORD slack = 16 * 1024;

using GetTable = decltype(&::GetExtendedTcpTable);

Status find_table(GetTable& function) {
    struct Loaded {
        Status status;
        GetTable function = nullptr;
    };
    static const Loaded loaded = [] {
        Loaded result;
        UniqueModule library;
        result.status = load_system_library(L"iphlpapi.dll", library);
        if (result.status.ok()) {
            result.status = find_function(library, result.function, "GetExtendedTcpTable");
            library.release(); // kept for good
        }
        return result;
    }();
    function = loaded.function;
    return loaded.status;
}

Status read_table(std::vector<std::byte>& table) {
    GetTable get = nullptr;
    if (Status status = find_table(get); !status.ok()) {
        return status;
    }
    DWORD size = slack;
    DWORD error = ERROR_INSUFFICIENT_BUFFER;
    for (int attempt = 0; attempt < most_tries && error == ERROR_INSUFFICIENT_BUFFER; ++attempt) {
        table.resize(size);
        // All, not the connected ones: a peer that has shut down its sending side is still there.
        error = get(table.data(), &size, FALSE, AF_INET, TCP_TABLE_OWNER_PID_ALL, 0);
        size += slack;
    }
    return error == NO_ERROR ? Status{} : system_error(error, "GetExtendedTcpTable");
}

// The table has addresses in network byte order, and a port in the low two bytes of its member, likewise.
constexpr std::uint32_t swap_address(std::uint32_t value) {
    return value >> 24 | (value >> 8 & 0xFF00) | (value << 8 & 0xFF'0000) | value << 24;
}
constexpr std::uint16_t swap_port(DWORD value) {
    return static_cast<std::uint16_t>((value >> 8 & 0xFF) | (value << 8 & 0xFF00));
}

bool is_end(const TcpEnd& end, DWORD address, DWORD port) {
    return swap_address(address) == end.address && swap_port(port) == end.port;
}

// 0 if no living process owns it.
Status owner_of(const TcpEnd& end, const TcpEnd& other, std::uint32_t& pid) {
    pid = 0;
    std::vector<std::byte> bytes;
    if (Status status = read_table(bytes); !status.ok()) {
        return status;
    }
    const auto* table = reinterpret_cast<const MIB_TCPTABLE_OWNER_PID*>(bytes.data());
    for (DWORD index = 0; index < table->dwNumEntries; ++index) {
        const MIB_TCPROW_OWNER_PID& row = table->table[index];
        if (is_end(end, row.dwLocalAddr, row.dwLocalPort) && is_end(other, row.dwRemoteAddr, row.dwRemotePort) &&
            row.dwOwningPid != 0) {
            pid = row.dwOwningPid;
        }
    }
    return {};
}

std::unordered_map<std::uint32_t, std::uint32_t> parents() {
    std::unordered_map<std::uint32_t, std::uint32_t> parent_of;
    const UniqueFile snapshot(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
    PROCESSENTRY32W entry{};
    entry.dwSize = sizeof entry;
    for (BOOL more = snapshot ? Process32FirstW(snapshot.get(), &entry) : FALSE; more;
         more = Process32NextW(snapshot.get(), &entry)) {
        parent_of.emplace(entry.th32ProcessID, entry.th32ParentProcessID);
    }
    return parent_of;
}

} // namespace

Status TcpOwner::open(const TcpEnd& end, const TcpEnd& other) {
    std::uint32_t pid = 0;
    if (Status status = owner_of(end, other, pid); !status.ok()) {
        return status;
    }
    UniqueHandle process;
    if (pid != 0) {
        process.reset(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, pid));
        if (!process && GetLastError() != ERROR_INVALID_PARAMETER) {
            return last_error("OpenProcess", "look at process " + std::to_string(pid));
        }
    }
    // Asked again, now that the id cannot be given to another: before, its process may have ended and been followed.
    std::uint32_t again = 0;
    if (Status status = owner_of(end, other, again); !status.ok()) {
        return status;
    }
    if (!process || again != pid) {
        return own_error("ERR_NO_OWNER", "The connection is gone, or the process that made it has ended.");
    }
    process_ = std::move(process);
    pid_ = pid;
    return {};
}

std::wstring TcpOwner::program() const {
    return process_ ? program_of(process_.get()) : std::wstring();
}

bool TcpOwner::is_alive() const {
    return process_ && WaitForSingleObject(process_.get(), 0) == WAIT_TIMEOUT;
}

bool TcpOwner::descends_from_us() const {
    if (!process_) {
        return false;
    }
    const auto parent_of = parents();
    const std::uint32_t own = GetCurrentProcessId();
    std::uint32_t pid = pid_;
    std::uint64_t start = process_start(process_.get());
    for (int step = 0; step < most_ancestors; ++step) {
        const auto found = parent_of.find(pid);
        if (found == parent_of.end() || found->second == 0) {
            return false;
        }
        pid = found->second;
        const UniqueHandle parent(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
        const std::uint64_t parent_start = parent ? process_start(parent.get()) : 0;
        if (parent_start == 0 || parent_start > start) {
            return false; // gone, or somebody else has its id by now
        }
        if (pid == own) {
            return true;
        }
        start = parent_start;
    }
    return false;
}

} // namespace winsock_spi::spi
