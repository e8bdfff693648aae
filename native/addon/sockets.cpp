// Addon part: the primitives of sharing. Sockets are their SOCKETs as bigint. lib/native/sockets.ts documents them.
#include "parts.hpp"

#include "spi/sockets/adopt.hpp"
#include "spi/sockets/describe.hpp"
#include "spi/sockets/detach.hpp"
#include "spi/sockets/duplicate.hpp"
#include "spi/sockets/list.hpp"
#include "spi/sockets/raw.hpp"
#include "pinned_thread.hpp"
#include "uv.hpp"
#include "values.hpp"

#include <cstring>
#include <string>

namespace winsock_spi::addon {
namespace {

std::uint64_t bigint_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    bool lossless = false;
    const std::uint64_t value =
        index < info.Length() && info[index].IsBigInt() ? info[index].As<Napi::BigInt>().Uint64Value(&lossless) : 0;
    if (!lossless) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a bigint from 0 to 2^64 - 1");
    }
    return value;
}

SOCKET socket_argument(const Napi::CallbackInfo& info, std::size_t index) {
    const std::uint64_t value = bigint_argument(info, index, "socket");
    if (value != static_cast<SOCKET>(value)) {
        check(info.Env(), spi::system_error(WSAENOTSOCK, "socket"));
    }
    return static_cast<SOCKET>(value);
}

Napi::Function function_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    if (index >= info.Length() || !info[index].IsFunction()) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a function");
    }
    return info[index].As<Napi::Function>();
}

Napi::Value find_socket(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const UvSocket socket = find_uv_socket(env, function_argument(info, 0, "ref"), function_argument(info, 1, "unref"));
    if (!socket.found) {
        return env.Undefined();
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("kind", socket.kind == UvKind::tcp ? "tcp" : socket.kind == UvKind::udp ? "udp" : "other");
    if (socket.open) {
        object.Set("socket", to_bigint(env, socket.socket));
    }
    return object;
}

Napi::Value duplicate_socket(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::SocketExport result;
    check(env, spi::duplicate_socket(socket_argument(info, 0), number_argument(info, 1, "pid"), result));
    Napi::Object object = Napi::Object::New(env);
    object.Set("info", to_bytes(env, {reinterpret_cast<const std::uint8_t*>(&result.info), sizeof result.info}));
    object.Set("start", to_bigint(env, result.start));
    object.Set("bits", Napi::Number::New(env, result.bits));
    return object;
}

void revoke_export(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    check(env, spi::revoke_export(number_argument(info, 0, "pid"), bigint_argument(info, 1, "start"),
                                  number_argument(info, 2, "handle")));
}

Napi::Value adopt_info(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    WSAPROTOCOL_INFOW protocol;
    if (info.Length() < 1 || !info[0].IsTypedArray() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
        info[0].As<Napi::Uint8Array>().ByteLength() != sizeof protocol) {
        throw Napi::TypeError::New(env, "info must be a Uint8Array of 628 bytes");
    }
    std::memcpy(&protocol, info[0].As<Napi::Uint8Array>().Data(), sizeof protocol);
    SOCKET socket = INVALID_SOCKET;
    check(env, spi::adopt_socket(protocol, socket));
    return to_bigint(env, socket);
}

Napi::Value detach_socket(const Napi::CallbackInfo& info) {
    bool detached = false;
    check(info.Env(), spi::detach_from_port(socket_argument(info, 0), detached));
    return Napi::Boolean::New(info.Env(), detached);
}

Napi::Value occupy_port(const Napi::CallbackInfo& info) {
    bool occupied = false;
    check(info.Env(), spi::occupy_port(socket_argument(info, 0), occupied));
    return Napi::Boolean::New(info.Env(), occupied);
}

Napi::Value completion_modes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), spi::completion_modes(socket_argument(info, 0)));
}

Napi::Value cancel_pending(const Napi::CallbackInfo& info) {
    bool idle = false;
    const SOCKET socket = socket_argument(info, 0);
    check(info.Env(), spi::cancel_pending(socket, number_argument(info, 1, "milliseconds", 60'000), idle));
    return Napi::Boolean::New(info.Env(), idle);
}

Napi::Value to_object(Napi::Env env, const spi::SocketAddress& address) {
    if (!address.present) {
        return env.Undefined();
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("family", Napi::Number::New(env, address.family));
    object.Set("address", Napi::String::New(env, address.address));
    object.Set("port", Napi::Number::New(env, address.port));
    return object;
}

Napi::Object to_object(Napi::Env env, const spi::SocketDescription& description) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("family", Napi::Number::New(env, description.family));
    object.Set("type", Napi::Number::New(env, description.type));
    object.Set("protocol", Napi::Number::New(env, description.protocol));
    object.Set("listening", Napi::Boolean::New(env, description.listening));
    object.Set("local", to_object(env, description.local));
    object.Set("remote", to_object(env, description.remote));
    return object;
}

Napi::Value describe_socket(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::SocketKind known;
    const bool is_known = info.Length() > 1 && info[1].IsObject();
    if (is_known) {
        const Napi::Object object = info[1].As<Napi::Object>();
        known.family = object.Get("family").ToNumber().Int32Value();
        known.type = object.Get("type").ToNumber().Int32Value();
        known.protocol = object.Get("protocol").ToNumber().Int32Value();
    }
    spi::SocketDescription description;
    check(env, spi::describe_socket(socket_argument(info, 0), is_known ? &known : nullptr, description));
    return to_object(env, description);
}

Napi::Value list_process_sockets(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::SocketList list;
    check(env, spi::list_sockets(number_argument(info, 0, "pid"), run_pinned, list));
    Napi::Array array = Napi::Array::New(env, list.sockets.size());
    for (std::size_t index = 0; index < list.sockets.size(); ++index) {
        Napi::Object object = to_object(env, list.sockets[index].description);
        object.Set("handle", Napi::Number::New(env, list.sockets[index].handle));
        array.Set(static_cast<std::uint32_t>(index), object);
    }
    return array;
}

bool truth(const Napi::Object& object, const char* name) {
    return object.Get(name).ToBoolean().Value();
}

Napi::Value open_socket(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) {
        throw Napi::TypeError::New(env, "request must be an object");
    }
    const Napi::Object object = info[0].As<Napi::Object>();
    spi::SocketRequest request;
    if (const Napi::Value host = object.Get("host"); host.IsString()) {
        const std::u16string text = host.As<Napi::String>().Utf16Value();
        request.host.assign(reinterpret_cast<const wchar_t*>(text.data()), text.size());
    }
    request.port = static_cast<std::uint16_t>(number_value(env, object.Get("port"), "port", 0xFFFF));
    request.backlog = static_cast<int>(number_value(env, object.Get("backlog"), "backlog", 0x7FFF'FFFF));
    request.ipv6 = truth(object, "ipv6");
    request.ipv6_only = truth(object, "ipv6Only");
    request.exclusive = truth(object, "exclusive");
    request.reuse_address = truth(object, "reuseAddress");
    SOCKET socket = INVALID_SOCKET;
    check(env, spi::open_socket(request, socket));
    return to_bigint(env, socket);
}

void set_non_blocking(const Napi::CallbackInfo& info) {
    check(info.Env(), spi::set_non_blocking(socket_argument(info, 0), info[1].ToBoolean().Value()));
}

void close_socket(const Napi::CallbackInfo& info) {
    check(info.Env(), spi::close_socket(socket_argument(info, 0)));
}

} // namespace

void init_sockets(Napi::Env, Napi::Object exports) {
    set_function(exports, "findSocket", find_socket);
    set_function(exports, "duplicateSocket", duplicate_socket);
    set_function(exports, "revokeExport", revoke_export);
    set_function(exports, "adoptInfo", adopt_info);
    set_function(exports, "detachSocket", detach_socket);
    set_function(exports, "occupyPort", occupy_port);
    set_function(exports, "completionModes", completion_modes);
    set_function(exports, "cancelPending", cancel_pending);
    set_function(exports, "describeSocket", describe_socket);
    set_function(exports, "listProcessSockets", list_process_sockets);
    set_function(exports, "openSocket", open_socket);
    set_function(exports, "setNonBlocking", set_non_blocking);
    set_function(exports, "closeSocket", close_socket);
}

} // namespace winsock_spi::addon
