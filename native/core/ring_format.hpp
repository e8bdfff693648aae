// A ring: the records of one process's Winsock calls, in a file-backed section
//   %ProgramData%\winsock-spi\rings\<pid>-<process start time as 16 hex digits>.ring
// (a second version of the provider in the same process, after an upgrade, appends -2 to the name's digits, and so on)
// written by the provider inside that process, read (never written) by watchers. The provider overwrites the
// oldest record and never waits; a reader sees by the sequence numbers what it has lost. Readers treat every
// byte as hostile: the process owns the file and can write anything into it.
//
// magic, abi and header_size are at the same place in every ABI. A reader reads rings of its own ABI and of the
// previous one: whoever raises the number keeps the reader able to read both. A ring of any other ABI it leaves alone,
// and tells that its process is not observed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace winsock_spi::core {

inline constexpr std::uint32_t ring_magic = 0x52495357; // "WSIR" in file order
// Defined from outside only where tests build the provider as its neighbouring versions would be.
#ifndef WINSOCK_SPI_RING_ABI
#define WINSOCK_SPI_RING_ABI 1
#endif
inline constexpr std::uint16_t ring_abi = WINSOCK_SPI_RING_ABI;
inline constexpr std::uint32_t default_record_count = 32768; // 4 MiB of records; always a power of two
inline constexpr std::uint32_t max_record_count = 1u << 20;
inline constexpr unsigned max_ring_parts = 4; // rings that one process can have: of so many versions of the provider

// What a record tells. Values are part of the ABI: never renumber, only append.
enum class Call : std::uint16_t {
    none = 0,
    WSPAccept = 1,
    WSPAddressToString,
    WSPAsyncSelect,
    WSPBind,
    WSPCancelBlockingCall,
    WSPCleanup,
    WSPCloseSocket,
    WSPConnect,
    WSPDuplicateSocket,
    WSPEnumNetworkEvents,
    WSPEventSelect,
    WSPGetOverlappedResult,
    WSPGetPeerName,
    WSPGetSockName,
    WSPGetSockOpt,
    WSPGetQOSByName,
    WSPIoctl,
    WSPJoinLeaf,
    WSPListen,
    WSPRecv,
    WSPRecvDisconnect,
    WSPRecvFrom,
    WSPSelect,
    WSPSend,
    WSPSendDisconnect,
    WSPSendTo,
    WSPSetSockOpt,
    WSPShutdown,
    WSPSocket,
    WSPStringToAddress = 30, // 30 functions, in the order of WSPPROC_TABLE
    AcceptEx = 64,
    ConnectEx,
    DisconnectEx,
    TransmitFile,
    TransmitPackets,
    WSARecvMsg,
    WSASendMsg,
};

enum RecordFlags : std::uint16_t {
    record_pending = 1 << 0,       // the call returned WSA_IO_PENDING
    record_peek = 1 << 1,          // MSG_PEEK was set: the bytes are not consumed
    record_has_requested = 1 << 2, // `requested` applies
    record_has_bytes = 1 << 3,     // `bytes` applies: the provider reported it
    record_has_verdict = 1 << 4,   // `verdict` and `rule` apply
    record_via_accept_ex = 1 << 5, // WSPAccept only: begun by AcceptEx, seen at SO_UPDATE_ACCEPT_CONTEXT
};

// family 0 = absent. 2 = IPv4 (first 4 bytes), 23 = IPv6 (AF_INET6 of Windows). Port in host byte order.
struct RecordAddress {
    std::uint16_t family;
    std::uint16_t port;
    std::uint32_t scope;
    std::uint8_t bytes[16];
};
static_assert(sizeof(RecordAddress) == 24);

struct Record {
    // 0 = never written; 2n + 1 = record number n is being written; 2n + 2 = record number n stands (n from 0).
    std::atomic<std::uint64_t> sequence;
    std::uint64_t begin; // raw counter before and after the lower provider's call
    std::uint64_t end;
    std::uint64_t socket;
    std::uint64_t requested;
    std::uint64_t bytes;
    std::uint32_t error; // Winsock error, 0 = the call succeeded. WSA_IO_PENDING is not an error: see record_pending
    std::uint16_t call;  // Call
    std::uint16_t flags; // RecordFlags
    std::uint32_t thread;
    std::uint32_t rule;       // counted from 1; 0 = the policy's default
    std::uint32_t verdict;    // VerdictKind (policy.hpp)
    std::uint32_t generation; // of the policy that decided
    RecordAddress local;
    RecordAddress remote;
    std::uint8_t padding[8];
};
static_assert(sizeof(Record) == 128);
static_assert(offsetof(Record, local) == 72);

enum class RingMode : std::uint32_t { active = 0, pass_through = 1 };
enum class RingClock : std::uint32_t { tsc = 0, qpc = 1 };

struct RingHeader {
    std::uint32_t magic; // written last when the ring is made
    std::uint16_t abi;
    std::uint16_t header_size;
    std::uint32_t record_size;
    std::uint32_t record_count;
    std::uint32_t pid;
    std::uint32_t parent_pid;
    std::uint64_t process_start; // FILETIME
    std::uint32_t bits;          // 32 or 64
    RingMode mode;
    RingClock clock;
    std::uint32_t reserved;
    // Calibration: the record clock and QueryPerformanceCounter read together at ring creation.
    std::uint64_t clock_at_creation;
    std::uint64_t qpc_at_creation;
    std::uint64_t qpc_frequency;
    std::uint64_t filetime_at_creation; // GetSystemTimePreciseAsFileTime
    std::uint16_t program_length; // UTF-16 units
    std::uint16_t reason_length;
    std::uint32_t provider_version; // major << 16 | minor << 8 | patch
    std::uint16_t program[1024];    // full path of the executable, UTF-16, cut if longer
    std::uint16_t reason[256];      // why the mode is pass-through, UTF-16
    alignas(64) std::atomic<std::uint64_t> next;    // number of the next record to be written
    alignas(64) std::atomic<std::uint64_t> dropped; // records given up because their slot was still being written
    std::uint8_t padding[4096 - 2760];
};
static_assert(sizeof(RingHeader) == 4096);
static_assert(offsetof(RingHeader, abi) == 4 && offsetof(RingHeader, header_size) == 6);

// Whether a reader of this version reads rings of that ABI.
constexpr bool is_readable_ring_abi(std::uint16_t abi) {
    return abi == ring_abi || abi + 1 == ring_abi;
}

} // namespace winsock_spi::core
