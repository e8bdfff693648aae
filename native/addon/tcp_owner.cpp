// Addon part: who is at the other end of a loopback connection.
#include "parts.hpp"

#include "spi/sockets/tcp_owner.hpp"
#include "values.hpp"

#include <cmath>
#include <memory>
#include <utility>

namespace winsock_spi::addon {
namespace {

double number_at(const Napi::CallbackInfo& info, std::size_t index, const char* name, double most) {
    const double value =
        index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : -1;
    if (!(value >= 0 && value <= most) || std::trunc(value) != value) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " is out of range");
    }
    return value;
}

spi::TcpEnd end_argument(const Napi::CallbackInfo& info, std::size_t index) {
    spi::TcpEnd end;
    end.address = static_cast<std::uint32_t>(number_at(info, index, "address", 0xFFFF'FFFF));
    end.port = static_cast<std::uint16_t>(number_at(info, index + 1, "port", 0xFFFF));
    return end;
}

// openTcpOwner(address, port, otherAddress, otherPort): TcpOwnerHandle
Napi::Value open_tcp_owner(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto owner = std::make_shared<spi::TcpOwner>();
    check(env, owner->open(end_argument(info, 0), end_argument(info, 2)));
    Napi::Object object = Napi::Object::New(env);
    object.Set("pid", Napi::Number::New(env, owner->pid()));
    object.Set("program", to_string(env, owner->program()));
    set_function(object, "descends", [owner](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), owner->descends_from_us());
    });
    set_function(object, "isAlive", [owner](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), owner->is_alive());
    });
    set_function(object, "close", [owner](const Napi::CallbackInfo&) { owner->close(); });
    return object;
}

} // namespace

void init_tcp_owner(Napi::Env, Napi::Object exports) {
    set_function(exports, "openTcpOwner", open_tcp_owner);
}

} // namespace winsock_spi::addon
