#include "adopt.hpp"

#include "catalog_entry.hpp"
#include "winsock_api.hpp"
#include "../unique.hpp"
#include "../winsock.hpp"

#include <cstring>
#include <mutex>
#include <string>
#include <unordered_set>

namespace winsock_spi::spi {
namespace {

constexpr DWORD no_handle_inherit = 0x80; // WSA_FLAG_NO_HANDLE_INHERIT: not in all versions of the headers

Status damaged(const std::string& what) {
    return own_error("ERR_INFO_DAMAGED", "This is no WSAPROTOCOL_INFOW that Winsock made for a socket: " + what + ".");
}

Status check_form(const WSAPROTOCOL_INFOW& info) {
    core::ProtocolInfo read;
    std::memcpy(&read, &info, sizeof read);
    switch (core::check_info(read)) {
    case core::ItemFault::none: break;
    case core::ItemFault::chain: return damaged("its chain length is " + std::to_string(read.chain_length));
    default: return damaged("its name has no end");
    }
    return info.dwProviderReserved == 0 ? damaged("it names no socket (dwProviderReserved is 0)") : Status{};
}

// Entries found good before, as id and GUID. An id never comes again with another provider, short of a reset catalog,
// which leaves no running program its sockets.
class KnownEntries {
public:
    bool has(const WSAPROTOCOL_INFOW& info) {
        const std::lock_guard guard(lock_);
        return keys_.contains(key(info));
    }
    void add(const WSAPROTOCOL_INFOW& info) {
        const std::lock_guard guard(lock_);
        if (keys_.size() < 1000) {
            keys_.insert(key(info));
        }
    }
    void forget(const WSAPROTOCOL_INFOW& info) {
        const std::lock_guard guard(lock_);
        keys_.erase(key(info));
    }

private:
    static std::string key(const WSAPROTOCOL_INFOW& info) {
        std::string text(reinterpret_cast<const char*>(&info.ProviderId), sizeof info.ProviderId);
        for (const long long number :
             {static_cast<long long>(info.dwCatalogEntryId), static_cast<long long>(info.iAddressFamily),
              static_cast<long long>(info.iSocketType), static_cast<long long>(info.iProtocol)}) {
            text += '/' + std::to_string(number);
        }
        return text;
    }
    std::mutex lock_;
    std::unordered_set<std::string> keys_;
};

KnownEntries& known_entries() {
    static KnownEntries entries;
    return entries;
}

Status find_entry(WSAPROTOCOL_INFOW& info) {
    if (known_entries().has(info)) {
        return {};
    }
    bool found = false;
    if (Status status = name_entry(own_bits, info, found); !status.ok()) {
        return status;
    }
    if (!found) {
        return own_error("ERR_NO_PROVIDER",
                         "The protocol catalog of " + std::to_string(own_bits) +
                             "-bit programs has no entry of the provider that this info names, or it is damaged.");
    }
    known_entries().add(info);
    return {};
}

Status spent(const WinsockApi& api) {
    const int error = api.WSAGetLastError();
    Status status = system_error(static_cast<std::uint32_t>(error), "WSASocketW", "from a WSAPROTOCOL_INFOW");
    if (error == WSAEINVAL || error == WSAENOTSOCK || error == WSAEBADF || error == ERROR_INVALID_HANDLE) {
        return own_error("ERR_INFO_SPENT",
                         "No socket of this process belongs to the info: it was used before, was revoked, or was made "
                         "for another process (an info serves once, in the process it was made for). " +
                             status.message);
    }
    return status;
}

} // namespace

Status adopt_socket(const WSAPROTOCOL_INFOW& given, SOCKET& socket) {
    const WinsockApi* api = nullptr;
    if (Status status = winsock_api(api); !status.ok()) {
        return status;
    }
    WSAPROTOCOL_INFOW info = given;
    if (Status status = check_form(info); !status.ok()) {
        return status;
    }
    if (Status status = find_entry(info); !status.ok()) {
        return status;
    }
    socket = api->WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                             WSA_FLAG_OVERLAPPED | no_handle_inherit);
    if (socket == INVALID_SOCKET) {
        known_entries().forget(info); // the catalog may have changed: looked at afresh the next time
        return spent(*api);
    }
    // The handle came inheritable, and the flag does not change one that is there already.
    if (!SetHandleInformation(reinterpret_cast<HANDLE>(socket), HANDLE_FLAG_INHERIT, 0)) {
        const Status status = last_error("SetHandleInformation", "HANDLE_FLAG_INHERIT");
        api->closesocket(socket);
        socket = INVALID_SOCKET;
        return status;
    }
    return {};
}

} // namespace winsock_spi::spi
