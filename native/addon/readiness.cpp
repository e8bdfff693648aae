// Addon part: sockets that are used without a completion port. lib/native/readiness.ts documents every function.
#include "parts.hpp"

#include "polled_environment.hpp"
#include "spi/sockets/datagram_options.hpp"
#include "spi/sockets/describe.hpp"
#include "values.hpp"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace winsock_spi::addon {
namespace {

using spi::AnyAddress;
using spi::PolledSocket;
using Environment = std::shared_ptr<PolledEnvironment>;
using Socket = std::shared_ptr<PolledSocket>;

// No datagram is longer.
constexpr std::size_t most_received = 65536;
// Parts that one datagram may be sent from.
constexpr std::uint32_t most_parts = 1024;

int integer_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name, double least, double most) {
    const double value =
        index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : std::nan("");
    if (!(value >= least && value <= most) || value != std::floor(value)) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a whole number in its range");
    }
    return static_cast<int>(value);
}

bool boolean_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    if (index >= info.Length() || !info[index].IsBoolean()) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a boolean");
    }
    return info[index].As<Napi::Boolean>().Value();
}

SOCKET socket_argument(const Napi::CallbackInfo& info, std::size_t index) {
    if (index < info.Length() && info[index].IsBigInt()) {
        bool lossless = false;
        const std::uint64_t value = info[index].As<Napi::BigInt>().Uint64Value(&lossless);
        const auto socket = static_cast<SOCKET>(value);
        if (lossless && socket == value && socket != INVALID_SOCKET) {
            return socket;
        }
    }
    throw Napi::TypeError::New(info.Env(), "socket must be the number of a SOCKET, as a bigint");
}

Napi::Value to_object(Napi::Env env, const AnyAddress& address) {
    const spi::SocketAddress text = spi::to_address(&address.any, sizeof(address));
    if (text.address.empty()) {
        return env.Undefined();
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("address", Napi::String::New(env, text.address));
    object.Set("family", Napi::String::New(env, text.family == AF_INET6 ? "IPv6" : "IPv4"));
    object.Set("port", Napi::Number::New(env, text.port));
    return object;
}

// (..., ip, port): which notation tells the family.
void address_arguments(const Napi::CallbackInfo& info, std::size_t index, AnyAddress& address, int& length) {
    const std::wstring text = string_argument(info, index, "address");
    const int port = integer_argument(info, index + 1, "port", 0, 65535);
    const int family = text.find(L':') == std::wstring::npos ? 4 : 6;
    check(info.Env(), spi::parse_address(text, family, static_cast<std::uint16_t>(port), address, length));
}

// One method of the object: takes the call and the socket, which is there until close or release.
template <typename Body>
void set_method(Napi::Object object, const Socket& socket, const char* name, const Body& body) {
    object.Set(name, Napi::Function::New(
                         object.Env(),
                         [socket, body, name](const Napi::CallbackInfo& info) -> Napi::Value {
                             if (socket->socket() == INVALID_SOCKET) {
                                 throw make_error(info.Env(), spi::system_error(WSAENOTSOCK, name, "closed"));
                             }
                             return body(info, *socket);
                         },
                         name));
}

Napi::Value accept(const Napi::CallbackInfo& info, PolledSocket& socket) {
    spi::UniqueSocket accepted;
    check(info.Env(), socket.accept(accepted));
    return accepted ? Napi::Value(to_bigint(info.Env(), accepted.release())) : info.Env().Undefined();
}

Napi::Value receive(const Napi::CallbackInfo& info, PolledSocket& socket, std::vector<std::uint8_t>& buffer) {
    const Napi::Env env = info.Env();
    buffer.resize(most_received);
    bool received = false;
    std::size_t length = 0;
    AnyAddress from;
    check(env, socket.receive(buffer, received, length, from));
    if (!received) {
        return env.Undefined();
    }
    Napi::Object message = Napi::Object::New(env);
    message.Set("data", Napi::Buffer<std::uint8_t>::Copy(env, buffer.data(), length));
    message.Set("from", to_object(env, from));
    return message;
}

// send(parts: Uint8Array[], ip?: string, port?: number): boolean
Napi::Value send(const Napi::CallbackInfo& info, PolledSocket& socket) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsArray() || info[0].As<Napi::Array>().Length() > most_parts) {
        throw Napi::TypeError::New(env, "parts must be an array of at most 1024 Uint8Arrays");
    }
    const auto parts = info[0].As<Napi::Array>();
    std::vector<WSABUF> buffers(parts.Length());
    for (std::uint32_t index = 0; index < parts.Length(); ++index) {
        const Napi::Value part = parts[index];
        if (!part.IsTypedArray() || part.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
            throw Napi::TypeError::New(env, "parts must be an array of at most 1024 Uint8Arrays");
        }
        auto bytes = part.As<Napi::Uint8Array>();
        if (bytes.ByteLength() > most_received) {
            throw make_error(env, spi::system_error(WSAEMSGSIZE, "WSASendTo"));
        }
        buffers[index] = {static_cast<ULONG>(bytes.ByteLength()), reinterpret_cast<char*>(bytes.Data())};
    }
    AnyAddress to;
    int length = 0;
    const bool named = info.Length() > 1 && !info[1].IsUndefined();
    if (named) {
        address_arguments(info, 1, to, length);
    }
    bool sent = false;
    check(env, socket.send(buffers, named ? &to : nullptr, length, sent));
    return Napi::Boolean::New(env, sent);
}

Napi::Value connect(const Napi::CallbackInfo& info, PolledSocket& socket) {
    AnyAddress to;
    int length = 0;
    address_arguments(info, 0, to, length);
    check(info.Env(), socket.connect(to, length));
    return info.Env().Undefined();
}

template <spi::Status (PolledSocket::*Ask)(AnyAddress&)>
Napi::Value name_of(const Napi::CallbackInfo& info, PolledSocket& socket) {
    AnyAddress address{};
    check(info.Env(), (socket.*Ask)(address));
    return to_object(info.Env(), address);
}

Napi::Value set_option(const Napi::CallbackInfo& info, PolledSocket& socket) {
    const std::wstring name = string_argument(info, 0, "option");
    const int value = integer_argument(info, 1, "value", -0x8000'0000LL, 0x7FFF'FFFF);
    const std::array<std::pair<const wchar_t*, spi::DatagramOption>, 4> options{{
        {L"broadcast", spi::DatagramOption::broadcast},
        {L"ttl", spi::DatagramOption::ttl},
        {L"multicastTtl", spi::DatagramOption::multicast_ttl},
        {L"multicastLoopback", spi::DatagramOption::multicast_loopback},
    }};
    for (const auto& [text, option] : options) {
        if (name == text) {
            check(info.Env(), spi::set_datagram_option(socket, option, value));
            return info.Env().Undefined();
        }
    }
    throw Napi::TypeError::New(info.Env(), "option must be broadcast, ttl, multicastTtl or multicastLoopback");
}

// membership(join, group, source, networkInterface): the last two may be empty
Napi::Value membership(const Napi::CallbackInfo& info, PolledSocket& socket) {
    const bool join = boolean_argument(info, 0, "join");
    const spi::Membership asked{string_argument(info, 1, "group"), string_argument(info, 2, "source"),
                                string_argument(info, 3, "networkInterface")};
    check(info.Env(), spi::change_membership(socket, asked, join));
    return info.Env().Undefined();
}

Napi::Value buffer_size(const Napi::CallbackInfo& info, PolledSocket& socket) {
    const bool receive_buffer = boolean_argument(info, 0, "receive");
    int size = integer_argument(info, 1, "size", 0, 0x7FFF'FFFF);
    check(info.Env(), spi::buffer_size(socket, receive_buffer, size));
    return Napi::Number::New(info.Env(), size);
}

void set_waiting_methods(Napi::Object object, const Environment& environment, const Socket& socket) {
    set_method(object, socket, "arm", [](const Napi::CallbackInfo& info, PolledSocket& polled) {
        const bool read = boolean_argument(info, 0, "readable");
        const bool write = boolean_argument(info, 1, "writable");
        check(info.Env(), polled.arm(static_cast<short>((read ? POLLRDNORM : 0) | (write ? POLLWRNORM : 0))));
        return info.Env().Undefined();
    });
    set_method(object, socket, "again", [environment](const Napi::CallbackInfo& info, PolledSocket& polled) {
        environment->again(polled.id());
        return info.Env().Undefined();
    });
    set_method(object, socket, "setReferenced", [environment](const Napi::CallbackInfo& info, PolledSocket& polled) {
        environment->set_referenced(polled.id(), boolean_argument(info, 0, "referenced"));
        return info.Env().Undefined();
    });
    set_method(object, socket, "release", [environment](const Napi::CallbackInfo& info, PolledSocket& polled) {
        return to_bigint(info.Env(), environment->remove(polled).release());
    });
    object.Set(
        "close",
        Napi::Function::New(
            object.Env(), [environment, socket](const Napi::CallbackInfo&) { environment->remove(*socket); }, "close"));
}

void set_socket_methods(Napi::Object object, const Socket& socket) {
    set_method(object, socket, "listen", [](const Napi::CallbackInfo& info, PolledSocket& polled) {
        check(info.Env(), polled.listen(integer_argument(info, 0, "backlog", 0, 0x7FFF'FFFF)));
        return info.Env().Undefined();
    });
    set_method(object, socket, "accept", accept);
    auto buffer = std::make_shared<std::vector<std::uint8_t>>();
    set_method(object, socket, "receive", [buffer](const Napi::CallbackInfo& info, PolledSocket& polled) {
        return receive(info, polled, *buffer);
    });
    set_method(object, socket, "send", send);
    set_method(object, socket, "connect", connect);
    set_method(object, socket, "disconnect", [](const Napi::CallbackInfo& info, PolledSocket& polled) {
        check(info.Env(), polled.disconnect());
        return info.Env().Undefined();
    });
    set_method(object, socket, "localAddress", name_of<&PolledSocket::local>);
    set_method(object, socket, "remoteAddress", name_of<&PolledSocket::remote>);
    set_method(object, socket, "setOption", set_option);
    set_method(object, socket, "membership", membership);
    set_method(object, socket, "multicastInterface", [](const Napi::CallbackInfo& info, PolledSocket& polled) {
        check(info.Env(), spi::set_multicast_interface(polled, string_argument(info, 0, "address")));
        return info.Env().Undefined();
    });
    set_method(object, socket, "bufferSize", buffer_size);
}

// openPolled(socket, onReady): PolledSocket
Napi::Value open_polled(const Napi::CallbackInfo& info, const Environment& environment) {
    const Napi::Env env = info.Env();
    const SOCKET number = socket_argument(info, 0);
    if (info.Length() < 2 || !info[1].IsFunction()) {
        throw Napi::TypeError::New(env, "onReady must be a function");
    }
    Socket socket;
    spi::UniqueSocket owned(number);
    if (const spi::Status status = environment->add(owned, info[1].As<Napi::Function>(), socket); !status.ok()) {
        owned.release(); // still the caller's
        throw make_error(env, status);
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("socket", to_bigint(env, number));
    set_waiting_methods(object, environment, socket);
    set_socket_methods(object, socket);
    return object;
}

} // namespace

void init_readiness(Napi::Env env, Napi::Object exports) {
    const Environment environment = PolledEnvironment::create(env);
    exports.Set("openPolled",
                Napi::Function::New(
                    env, [environment](const Napi::CallbackInfo& info) { return open_polled(info, environment); },
                    "openPolled"));
}

} // namespace winsock_spi::addon
