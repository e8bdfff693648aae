#include "socket_owners.hpp"

#include "../system_library.hpp"

#include <iphlpapi.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace winsock_spi::spi {
namespace {

// The table grows between the question for its size and the one for its rows.
constexpr int most_tries = 8;
constexpr DWORD slack = 16 * 1024;

struct Functions {
    Status status;
    decltype(&::GetExtendedTcpTable) tcp = nullptr;
    decltype(&::GetExtendedUdpTable) udp = nullptr;
};

const Functions& functions() {
    static const Functions loaded = [] {
        Functions result;
        UniqueModule library;
        result.status = load_system_library(L"iphlpapi.dll", library);
        if (result.status.ok()) {
            result.status = find_function(library, result.tcp, "GetExtendedTcpTable");
        }
        if (result.status.ok()) {
            result.status = find_function(library, result.udp, "GetExtendedUdpTable");
        }
        library.release(); // kept for good
        return result;
    }();
    return loaded;
}

// Get: DWORD(void* table, DWORD* size).
template <class Get>
Status read_table(const char* function, const Get& get, std::vector<std::byte>& table) {
    if (!functions().status.ok()) {
        return functions().status;
    }
    DWORD size = slack;
    DWORD error = ERROR_INSUFFICIENT_BUFFER;
    for (int attempt = 0; attempt < most_tries && error == ERROR_INSUFFICIENT_BUFFER; ++attempt) {
        table.resize(size);
        error = get(table.data(), &size);
        size += slack;
    }
    return error == NO_ERROR ? Status{} : system_error(error, function);
}

auto get_tcp(ULONG family) {
    return [family](void* table, DWORD* size) {
        // All, not the connected ones: a peer that has shut down its sending side is still there.
        return functions().tcp(table, size, FALSE, family, TCP_TABLE_OWNER_PID_ALL, 0);
    };
}

// A port is in the low two bytes of its member, in network byte order.
constexpr std::uint16_t swap_port(DWORD value) {
    return static_cast<std::uint16_t>((value >> 8 & 0xFF) | (value << 8 & 0xFF00));
}

SocketEnd ipv4_end(DWORD address, DWORD port) {
    SocketEnd end;
    end.address[10] = end.address[11] = 0xFF;
    std::memcpy(end.address.data() + 12, &address, sizeof address);
    end.port = swap_port(port);
    return end;
}

SocketEnd ipv6_end(const UCHAR (&address)[16], DWORD port) {
    SocketEnd end;
    std::memcpy(end.address.data(), address, sizeof address);
    end.port = swap_port(port);
    return end;
}

bool same(const SocketEnd& one, const SocketEnd& other) {
    return one.port == other.port && one.address == other.address;
}

// 0.0.0.0 or ::
bool is_unspecified(const SocketEnd& end) {
    const auto zero = [](std::uint8_t byte) { return byte == 0; };
    const bool mapped = end.address[10] == 0xFF && end.address[11] == 0xFF;
    return mapped ? std::all_of(end.address.begin(), end.address.begin() + 10, zero) &&
                        std::all_of(end.address.begin() + 12, end.address.end(), zero)
                  : std::all_of(end.address.begin(), end.address.end(), zero);
}

template <class Table, class Read>
void for_each_row(const std::vector<std::byte>& bytes, const Read& read) {
    const auto* table = reinterpret_cast<const Table*>(bytes.data());
    for (DWORD index = 0; index < table->dwNumEntries; ++index) {
        read(table->table[index]);
    }
}

void add(std::vector<std::uint32_t>& pids, std::uint32_t pid) {
    if (pid != 0 && std::find(pids.begin(), pids.end(), pid) == pids.end()) {
        pids.push_back(pid);
    }
}

} // namespace

Status tcp_owners_ipv4(const SocketEnd& end, const SocketEnd& other, std::vector<std::uint32_t>& pids) {
    pids.clear();
    std::vector<std::byte> bytes;
    if (Status status = read_table("GetExtendedTcpTable", get_tcp(AF_INET), bytes); !status.ok()) {
        return status;
    }
    for_each_row<MIB_TCPTABLE_OWNER_PID>(bytes, [&](const MIB_TCPROW_OWNER_PID& row) {
        if (same(ipv4_end(row.dwLocalAddr, row.dwLocalPort), end) &&
            same(ipv4_end(row.dwRemoteAddr, row.dwRemotePort), other)) {
            add(pids, row.dwOwningPid);
        }
    });
    return {};
}

Status tcp_owners(const SocketEnd& end, const SocketEnd& other, std::vector<std::uint32_t>& pids) {
    if (Status status = tcp_owners_ipv4(end, other, pids); !status.ok() || !pids.empty()) {
        return status;
    }
    // IPv4 connections of an IPv6 socket may be listed here.
    std::vector<std::byte> bytes;
    if (Status status = read_table("GetExtendedTcpTable", get_tcp(AF_INET6), bytes); !status.ok()) {
        return status;
    }
    for_each_row<MIB_TCP6TABLE_OWNER_PID>(bytes, [&](const MIB_TCP6ROW_OWNER_PID& row) {
        if (same(ipv6_end(row.ucLocalAddr, row.dwLocalPort), end) &&
            same(ipv6_end(row.ucRemoteAddr, row.dwRemotePort), other)) {
            add(pids, row.dwOwningPid);
        }
    });
    return {};
}

Status udp_owners(const SocketEnd& end, std::vector<std::uint32_t>& pids) {
    pids.clear();
    std::vector<std::byte> bytes;
    const auto get = [](ULONG family) {
        return [family](void* table, DWORD* size) {
            return functions().udp(table, size, FALSE, family, UDP_TABLE_OWNER_PID, 0);
        };
    };
    const auto look = [&](const SocketEnd& bound, std::uint32_t pid) {
        if (bound.port == end.port && (bound.address == end.address || is_unspecified(bound) || is_unspecified(end))) {
            add(pids, pid);
        }
    };
    if (Status status = read_table("GetExtendedUdpTable", get(AF_INET), bytes); !status.ok()) {
        return status;
    }
    for_each_row<MIB_UDPTABLE_OWNER_PID>(bytes, [&](const MIB_UDPROW_OWNER_PID& row) {
        look(ipv4_end(row.dwLocalAddr, row.dwLocalPort), row.dwOwningPid);
    });
    if (Status status = read_table("GetExtendedUdpTable", get(AF_INET6), bytes); !status.ok()) {
        return status;
    }
    for_each_row<MIB_UDP6TABLE_OWNER_PID>(bytes, [&](const MIB_UDP6ROW_OWNER_PID& row) {
        look(ipv6_end(row.ucLocalAddr, row.dwLocalPort), row.dwOwningPid);
    });
    return {};
}

} // namespace winsock_spi::spi
