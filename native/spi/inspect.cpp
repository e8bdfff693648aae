#include "inspect.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "catalog_items.hpp"
#include "sockets/unique_socket.hpp"
#include "step_members.hpp"
#include "text.hpp"
#include "winsock.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

constexpr std::size_t most_things = 4096;

// https://learn.microsoft.com/windows/win32/winsock/winsock-ioctls
constexpr DWORD sio_base_handle = 0x48000022;
constexpr DWORD sio_bsp_handle_select = 0x4800001C;
constexpr DWORD sio_bsp_handle_poll = 0x4800001D;

Status bad_request(const char* what) {
    return own_error("ERR_USAGE", std::string("the request of inspect is wrong: ") + what);
}

Value number(std::uint32_t value) {
    return Value(static_cast<std::int64_t>(value));
}

Value look_at_library(const InspectLibrary& library, std::size_t index) {
    Value line;
    line.add("library", number(static_cast<std::uint32_t>(index)));
    // As Winsock loads a provider: what it imports may lie beside it.
    const HMODULE module = LoadLibraryExW(library.path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    line.add("error", number(module == nullptr ? GetLastError() : 0));
    line.add("function", module != nullptr && GetProcAddress(module, library.function.c_str()) != nullptr);
    return line;
}

class SocketTrial {
public:
    SocketTrial(const WinsockApi& api, Value& line) : api_(api), line_(line) {}

    void run(const core::ProtocolInfo& entry) {
        WSAPROTOCOL_INFOW info;
        static_assert(sizeof(info) == sizeof(entry));
        std::memcpy(&info, &entry, sizeof(info));
        info.dwProviderReserved = 0;
        socket_.reset(
            api_.WSASocketW(info.iAddressFamily, info.iSocketType, info.iProtocol, &info, 0, WSA_FLAG_OVERLAPPED));
        line_.add("error", error_if(!socket_));
        if (!socket_) {
            return;
        }
        bind_here(info.iAddressFamily, info.iSocketType);
        SOCKET base = ask(sio_base_handle, "base");
        if (base != INVALID_SOCKET) {
            line_.add("same", base == socket_.get());
        }
        ask(sio_bsp_handle_select, "select");
        ask(sio_bsp_handle_poll, "poll");
    }

private:
    Value error_if(bool failed) const {
        const int error = failed ? api_.WSAGetLastError() : 0;
        return number(failed && error == 0 ? static_cast<std::uint32_t>(WSASYSCALLFAILURE)
                                           : static_cast<std::uint32_t>(error));
    }

    // A call that needs no network and that nobody notices: an own port of the loopback address.
    void bind_here(int family, int type) {
        if (type != SOCK_STREAM && type != SOCK_DGRAM) {
            return;
        }
        sockaddr_in6 six{};
        six.sin6_family = AF_INET6;
        six.sin6_addr.u.Byte[15] = 1;
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_addr.S_un.S_addr = 0x0100007F; // 127.0.0.1 in network order
        if (family == AF_INET) {
            line_.add("bind", bind_to(reinterpret_cast<sockaddr*>(&four), sizeof(four)));
        } else if (family == AF_INET6) {
            line_.add("bind", bind_to(reinterpret_cast<sockaddr*>(&six), sizeof(six)));
        }
    }

    Value bind_to(sockaddr* address, int length) const {
        return error_if(api_.bind(socket_.get(), address, length) != 0 ||
                        api_.getsockname(socket_.get(), address, &length) != 0);
    }

    SOCKET ask(DWORD code, const char* name) {
        SOCKET answer = INVALID_SOCKET;
        DWORD size = 0;
        const bool failed =
            api_.WSAIoctl(socket_.get(), code, nullptr, 0, &answer, sizeof(answer), &size, nullptr, nullptr) != 0;
        line_.add(name, error_if(failed));
        return failed ? INVALID_SOCKET : answer;
    }

    const WinsockApi& api_;
    Value& line_;
    UniqueSocket socket_;
};

Value open_socket(const WinsockApi& api, const std::vector<CatalogEntry>& entries, std::uint32_t id,
                  std::size_t index) {
    Value line;
    line.add("socket", number(static_cast<std::uint32_t>(index)));
    const auto entry =
        std::ranges::find_if(entries, [&](const CatalogEntry& one) { return one.info.catalog_entry_id == id; });
    if (entry == entries.end()) {
        line.add("error", number(WSAEINVAL)); // gone meanwhile
    } else {
        SocketTrial(api, line).run(entry->info);
    }
    return line;
}

} // namespace

Status parse_inspect_request(const std::string& text, InspectRequest& request) {
    const std::optional<Value> value = core::json::parse(text);
    if (!value || !value->is_object()) {
        return bad_request("it is no JSON object");
    }
    const Value* limit = value->find("limit");
    const std::optional<std::int64_t> milliseconds = limit != nullptr ? limit->integer() : std::nullopt;
    if (!milliseconds || *milliseconds < 1 || *milliseconds > 3'600'000) {
        return bad_request("limit must be 1 to 3600000 milliseconds");
    }
    request.limit = static_cast<std::uint32_t>(*milliseconds);
    const Value* libraries = value->find("libraries");
    if (libraries == nullptr || libraries->array() == nullptr || libraries->array()->size() > most_things) {
        return bad_request("libraries must be an array");
    }
    for (const Value& one : *libraries->array()) {
        InspectLibrary library;
        if (Status status = read_path(one, "path", library.path); !status.ok()) {
            return status;
        }
        if (Status status = read_string(one, "function", library.function); !status.ok()) {
            return status;
        }
        request.libraries.push_back(std::move(library));
    }
    if (Status status = read_ids(*value, "sockets", request.sockets); !status.ok()) {
        return status;
    }
    return request.sockets.size() > most_things ? bad_request("there are too many sockets") : Status{};
}

void inspect(const InspectRequest& request, const std::function<void(const Value& line)>& print) {
    std::uint32_t thing = 0;
    const auto begin = [&] {
        Value line;
        line.add("begin", number(thing++));
        print(line);
    };
    for (std::size_t i = 0; i < request.libraries.size(); ++i) {
        begin();
        print(look_at_library(request.libraries[i], i));
    }
    if (!request.sockets.empty()) {
        begin();
        const WinsockApi* api = nullptr;
        const Status started = winsock_api(api);
        Value line;
        line.add("winsock", number(started.ok() || started.number != 0 ? started.number
                                                                       : static_cast<std::uint32_t>(WSASYSNOTREADY)));
        print(line);
        Winsock winsock;
        std::vector<CatalogEntry> entries;
        if (started.ok() && read_catalog(winsock, own_bits, entries).ok()) {
            for (std::size_t i = 0; i < request.sockets.size(); ++i) {
                begin();
                print(open_socket(*api, entries, request.sockets[i], i));
            }
        }
    }
    Value line;
    line.add("done", true);
    print(line);
}

} // namespace winsock_spi::spi
