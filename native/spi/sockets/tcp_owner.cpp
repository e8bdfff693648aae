#include "tcp_owner.hpp"

#include "../process_tree.hpp"
#include "socket_owners.hpp"

#include <tlhelp32.h>

#include <unordered_map>
#include <vector>

namespace winsock_spi::spi {
namespace {

// More ancestors than this nobody has; parent ids are only what was, and may form a circle.
constexpr int most_ancestors = 64;

SocketEnd to_socket_end(const TcpEnd& end) {
    SocketEnd result;
    result.address[10] = result.address[11] = 0xFF;
    for (unsigned index = 0; index < 4; ++index) {
        result.address[12 + index] = static_cast<std::uint8_t>(end.address >> (24 - 8 * index));
    }
    result.port = end.port;
    return result;
}

// 0 if no living process owns it.
Status owner_of(const TcpEnd& end, const TcpEnd& other, std::uint32_t& pid) {
    std::vector<std::uint32_t> pids;
    Status status = tcp_owners_ipv4(to_socket_end(end), to_socket_end(other), pids);
    pid = pids.empty() ? 0 : pids.back();
    return status;
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
