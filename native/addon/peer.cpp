// Addon part: the process at the other end of a channel.
#include "parts.hpp"

#include "spi/sockets/peer.hpp"
#include "values.hpp"

#include <cstring>
#include <memory>
#include <string>

namespace winsock_spi::addon {
namespace {

spi::LedgerKey key_argument(const Napi::CallbackInfo& info, std::size_t index) {
    spi::LedgerKey key{};
    if (index >= info.Length() || !info[index].IsTypedArray() ||
        info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
        info[index].As<Napi::Uint8Array>().ByteLength() != key.size()) {
        throw Napi::TypeError::New(info.Env(), "key must be a Uint8Array of 16 bytes");
    }
    std::memcpy(key.data(), info[index].As<Napi::Uint8Array>().Data(), key.size());
    return key;
}

Napi::Value open_peer(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const double pid = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
    if (!(pid >= 0 && pid <= 0xFFFF'FFFF)) {
        throw Napi::TypeError::New(env, "pid must be a number from 0 to 4294967295");
    }
    const bool for_export = info.Length() > 1 && info[1].ToBoolean().Value();
    auto peer = std::make_shared<spi::Peer>();
    check(env, peer->open(static_cast<std::uint32_t>(pid), for_export));
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "isAlive", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), peer->is_alive());
    });
    set_function(object, "program", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        return to_string(call.Env(), peer->program());
    });
    set_function(object, "start", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        return to_bigint(call.Env(), peer->start());
    });
    set_function(object, "user", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        std::wstring sid;
        check(call.Env(), peer->user(sid));
        return to_string(call.Env(), sid);
    });
    set_function(object, "duplicate", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        bool lossless = false;
        const std::uint64_t socket =
            call.Length() > 0 && call[0].IsBigInt() ? call[0].As<Napi::BigInt>().Uint64Value(&lossless) : 0;
        if (!lossless || call.Length() < 2 || !call[1].IsNumber()) {
            throw Napi::TypeError::New(call.Env(), "socket must be a bigint from 0 to 2^64 - 1, id a number");
        }
        WSAPROTOCOL_INFOW protocol{};
        const std::uint32_t id = call[1].As<Napi::Number>().Uint32Value();
        check(call.Env(), peer->export_socket(static_cast<SOCKET>(socket), id, protocol));
        return to_bytes(call.Env(), {reinterpret_cast<const std::uint8_t*>(&protocol), sizeof protocol});
    });
    set_function(object, "makeLedger", [peer](const Napi::CallbackInfo& call) -> Napi::Value {
        std::uint32_t handle = 0;
        check(call.Env(), peer->make_ledger(key_argument(call, 0), handle));
        return Napi::Number::New(call.Env(), handle);
    });
    set_function(object, "openLedger", [peer](const Napi::CallbackInfo& call) {
        if (call.Length() < 1 || !call[0].IsNumber()) {
            throw Napi::TypeError::New(call.Env(), "handle must be a number");
        }
        check(call.Env(), peer->open_ledger(call[0].As<Napi::Number>().Uint32Value(), key_argument(call, 1)));
    });
    set_function(object, "closeUnclaimed", [peer](const Napi::CallbackInfo& call) {
        if (call.Length() < 1 || !call[0].IsNumber()) {
            throw Napi::TypeError::New(call.Env(), "id must be a number");
        }
        peer->close_unclaimed(call[0].As<Napi::Number>().Uint32Value());
    });
    set_function(object, "revoke", [peer](const Napi::CallbackInfo& call) {
        if (call.Length() < 1 || !call[0].IsNumber()) {
            throw Napi::TypeError::New(call.Env(), "handle must be a number");
        }
        check(call.Env(), peer->revoke(call[0].As<Napi::Number>().Uint32Value()));
    });
    set_function(object, "close", [peer](const Napi::CallbackInfo&) { peer->close(); });
    return object;
}

Napi::Value own_user(const Napi::CallbackInfo& info) {
    std::wstring sid;
    check(info.Env(), spi::own_user(sid));
    return to_string(info.Env(), sid);
}

} // namespace

void init_peer(Napi::Env, Napi::Object exports) {
    set_function(exports, "openPeer", open_peer);
    set_function(exports, "ownUser", own_user);
}

} // namespace winsock_spi::addon
