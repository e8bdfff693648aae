// Addon part: who owns a socket.
#include "parts.hpp"

#include "spi/sockets/socket_owners.hpp"
#include "values.hpp"

#include <algorithm>
#include <cmath>

namespace winsock_spi::addon {
namespace {

// The bytes of an IPv4 or IPv6 address, and a port.
spi::SocketEnd end_argument(const Napi::CallbackInfo& info, std::size_t index) {
    spi::SocketEnd end;
    const bool given = index + 1 < info.Length() && info[index].IsTypedArray() && info[index + 1].IsNumber();
    const double port = given ? info[index + 1].As<Napi::Number>().DoubleValue() : -1;
    if (!given || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array || !(port >= 0) ||
        port > 0xFFFF || std::trunc(port) != port) {
        throw Napi::TypeError::New(info.Env(), "an address is 4 or 16 bytes with a port");
    }
    const auto bytes = info[index].As<Napi::Uint8Array>();
    const std::size_t length = bytes.ElementLength();
    if (length == 4) {
        end.address[10] = end.address[11] = 0xFF;
    } else if (length != end.address.size()) {
        throw Napi::TypeError::New(info.Env(), "an address is 4 or 16 bytes with a port");
    }
    std::copy_n(bytes.Data(), length, end.address.end() - static_cast<std::ptrdiff_t>(length));
    end.port = static_cast<std::uint16_t>(port);
    return end;
}

Napi::Value to_array(Napi::Env env, const std::vector<std::uint32_t>& pids) {
    Napi::Array array = Napi::Array::New(env, pids.size());
    for (std::size_t index = 0; index < pids.size(); ++index) {
        array.Set(static_cast<std::uint32_t>(index), Napi::Number::New(env, pids[index]));
    }
    return array;
}

// tcpOwners(address, port, otherAddress, otherPort): number[]
Napi::Value tcp_owners(const Napi::CallbackInfo& info) {
    std::vector<std::uint32_t> pids;
    check(info.Env(), spi::tcp_owners(end_argument(info, 0), end_argument(info, 2), pids));
    return to_array(info.Env(), pids);
}

// udpOwners(address, port): number[]
Napi::Value udp_owners(const Napi::CallbackInfo& info) {
    std::vector<std::uint32_t> pids;
    check(info.Env(), spi::udp_owners(end_argument(info, 0), pids));
    return to_array(info.Env(), pids);
}

} // namespace

void init_socket_owners(Napi::Env, Napi::Object exports) {
    set_function(exports, "tcpOwners", tcp_owners);
    set_function(exports, "udpOwners", udp_owners);
}

} // namespace winsock_spi::addon
