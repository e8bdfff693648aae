// Addon part: the policy that is in force, the entry of the controller, and what both want to know of users and
// processes.
#include "parts.hpp"

#include "spi/controller_entry.hpp"
#include "spi/policy_store.hpp"
#include "spi/security.hpp"
#include "values.hpp"

#include <memory>
#include <span>
#include <string>

namespace winsock_spi::addon {
namespace {

std::span<const std::uint8_t> bytes_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    if (index >= info.Length() || !info[index].IsTypedArray() ||
        info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a Uint8Array");
    }
    const Napi::Uint8Array array = info[index].As<Napi::Uint8Array>();
    return {array.Data(), array.ByteLength()};
}

// readPolicyState(): { fault?: error, generation, previous, failClosed, registryFailClosed, controllerPid, ... }
Napi::Value read_state(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::PolicyState state;
    const spi::Status status = spi::read_policy_state(state);
    Napi::Object object = Napi::Object::New(env);
    if (!status.ok()) {
        object.Set("fault", make_error(env, status).Value());
    }
    object.Set("generation", Napi::Number::New(env, state.generation));
    object.Set("previous", Napi::Number::New(env, state.previous));
    object.Set("failClosed", Napi::Boolean::New(env, state.fail_closed));
    object.Set("registryFailClosed", Napi::Boolean::New(env, state.registry_fail_closed));
    object.Set("controllerPid", Napi::Number::New(env, state.controller_pid));
    object.Set("controllerStart", to_bigint(env, state.controller_start));
    return object;
}

Napi::Value read_text(const Napi::CallbackInfo& info) {
    std::string text;
    check(info.Env(), spi::read_policy_text(number_argument(info, 0, "generation"), text));
    return Napi::String::New(info.Env(), text);
}

Napi::Value read_security(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::PolicySecurity security;
    check(env, spi::read_policy_security(number_argument(info, 0, "generation"), security));
    Napi::Object object = Napi::Object::New(env);
    object.Set("image", security.image);
    object.Set("text", security.text);
    object.Set("key", security.key);
    return object;
}

Napi::Value read_any_security(const Napi::CallbackInfo& info) {
    std::string sddl;
    check(info.Env(), spi::read_sddl(string_argument(info, 0, "path"), sddl));
    return Napi::String::New(info.Env(), sddl);
}

// openPolicyStore(gate?): holds the lock until close()
Napi::Value open_store(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::wstring gate =
        info.Length() > 0 && !info[0].IsUndefined() ? string_argument(info, 0, "gate") : std::wstring();
    auto owner = std::make_shared<std::unique_ptr<spi::PolicyStore>>(std::make_unique<spi::PolicyStore>(gate));
    check(env, (*owner)->open());
    const auto store = [owner](Napi::Env environment) -> spi::PolicyStore& {
        if (*owner == nullptr) {
            throw Napi::TypeError::New(environment, "the policy store is closed");
        }
        return **owner;
    };
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "reserve", [store](const Napi::CallbackInfo& call) -> Napi::Value {
        std::uint32_t generation = 0;
        check(call.Env(), store(call.Env()).reserve(generation));
        return Napi::Number::New(call.Env(), generation);
    });
    set_function(object, "publish", [store](const Napi::CallbackInfo& call) {
        const Napi::Env environment = call.Env();
        const std::uint32_t generation = number_argument(call, 0, "generation");
        const std::span<const std::uint8_t> image = bytes_argument(call, 1, "image");
        if (call.Length() < 4 || !call[2].IsString() || !call[3].IsBoolean()) {
            throw Napi::TypeError::New(environment, "text must be a string, failClosed a boolean");
        }
        const std::string text = call[2].As<Napi::String>().Utf8Value();
        check(environment, store(environment).publish(generation, image, text, call[3].As<Napi::Boolean>().Value()));
    });
    set_function(object, "clear",
                 [store](const Napi::CallbackInfo& call) { check(call.Env(), store(call.Env()).clear()); });
    set_function(object, "close", [owner](const Napi::CallbackInfo&) { owner->reset(); });
    return object;
}

// enterController() -> { leave() }
Napi::Value enter_controller(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto entry = std::make_shared<spi::ControllerEntry>();
    std::uint32_t running = 0;
    check(env, entry->enter(running));
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "leave", [entry](const Napi::CallbackInfo&) { entry->leave(); });
    return object;
}

Napi::Value find_user(const Napi::CallbackInfo& info) {
    std::wstring sid;
    check(info.Env(), spi::find_user(string_argument(info, 0, "name"), sid));
    return to_string(info.Env(), sid);
}

} // namespace

void init_policy(Napi::Env, Napi::Object exports) {
    set_function(exports, "readPolicyState", read_state);
    set_function(exports, "hasPolicyTraces", [](const Napi::CallbackInfo& info) -> Napi::Value {
        return Napi::Boolean::New(info.Env(), spi::has_policy_traces());
    });
    set_function(exports, "readPolicyText", read_text);
    set_function(exports, "readPolicySecurity", read_security);
    set_function(exports, "readSecurity", read_any_security);
    set_function(exports, "openPolicyStore", open_store);
    set_function(exports, "enterController", enter_controller);
    set_function(exports, "findUser", find_user);
}

} // namespace winsock_spi::addon
