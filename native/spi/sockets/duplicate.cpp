#include "duplicate.hpp"

#include "catalog_entry.hpp"
#include "target.hpp"
#include "winsock_api.hpp"
#include "../winsock.hpp"

#include <string>

namespace winsock_spi::spi {

Status duplicate_socket(SOCKET socket, std::uint32_t pid, SocketExport& result) {
    TargetProcess target; // held open until the end: its id cannot pass to another process meanwhile
    if (Status status = open_target(pid, target); !status.ok()) {
        return status;
    }
    return duplicate_socket(socket, target, result);
}

Status duplicate_socket(SOCKET socket, const TargetProcess& target, SocketExport& result) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    const std::uint32_t pid = target.pid;
    if (api->WSADuplicateSocketW(socket, pid, &result.info) == SOCKET_ERROR) {
        const int error = api->WSAGetLastError();
        Status status = system_error(static_cast<std::uint32_t>(error), "WSADuplicateSocketW",
                                     "for process " + std::to_string(pid));
        if (Status running = check_running(target); !running.ok()) {
            return running;
        }
        if (error == WSAEINVAL) {
            status.message += ". Winsock shares no socket that has quality of service (a flow specification) set.";
        }
        return status;
    }
    result.pid = pid;
    result.start = target.start;
    result.bits = target.bits;
    if (target.bits != own_bits) {
        bool found = false;
        // Where that catalog cannot be read, or has no such provider, what Winsock gave is the best there is.
        static_cast<void>(name_entry(target.bits, result.info, found).ok());
    }
    return {};
}

Status revoke_export(std::uint32_t pid, std::uint64_t start, std::uint32_t handle) {
    TargetProcess target;
    if (Status status = open_target(pid, target); !status.ok()) {
        return status.code() == "ERR_NO_PROCESS" ? Status{} : status; // its handles went with it
    }
    if (target.start != start || !check_running(target).ok()) {
        return {}; // another process of the same id, or it has ended
    }
    // Taken over and closed here: with no target process at all, Wine closes the handle but says that it failed.
    const HANDLE value = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(handle));
    UniqueHandle taken;
    if (!DuplicateHandle(target.handle.get(), value, GetCurrentProcess(), taken.put(), 0, FALSE,
                         DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE)) {
        const Status cause = last_error("DuplicateHandle", "DUPLICATE_CLOSE_SOURCE");
        return cause.number == ERROR_INVALID_HANDLE
                   ? own_error("ERR_ALREADY_TAKEN", "Process " + std::to_string(pid) +
                                                        " has closed the exported handle already: " + cause.message)
                   : cause;
    }
    return {};
}

} // namespace winsock_spi::spi
