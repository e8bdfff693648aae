// Addon part: executing plans, recovering from interrupted ones, and the folders they need.
#include "parts.hpp"

#include "operation.hpp"
#include "spi/confirm_deadline.hpp"
#include "spi/executor.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

Napi::Object to_object(Napi::Env env, const spi::ExecuteResult& result) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("undone", result.undone);
    object.Set("catalogDamaged", result.catalog_damaged);
    object.Set("writes", static_cast<double>(result.writes));
    if (result.unconfirmed_until != 0) {
        object.Set("until", static_cast<double>(spi::unix_milliseconds(result.unconfirmed_until)));
    }
    Napi::Array notes = Napi::Array::New(env);
    for (const std::string& note : result.notes) {
        notes.Set(notes.Length(), note);
    }
    object.Set("notes", notes);
    if (!result.error.ok()) {
        Napi::Object error = Napi::Object::New(env);
        error.Set("code", result.error.code());
        error.Set("errno", result.error.number);
        error.Set("syscall", result.error.syscall);
        error.Set("message", result.error.message);
        error.Set("step", static_cast<double>(result.step));
        object.Set("error", error);
    }
    return object;
}

Napi::Value execute_plan(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsString()) {
        throw Napi::TypeError::New(env, "plan must be a string");
    }
    if (info.Length() > 1 && !info[1].IsFunction() && !info[1].IsUndefined()) {
        throw Napi::TypeError::New(env, "onStep must be a function");
    }
    auto plan = std::make_shared<spi::Plan>();
    check(env, spi::parse_plan_text(info[0].As<Napi::String>().Utf8Value(), *plan));
    auto result = std::make_shared<spi::ExecuteResult>();
    const Napi::Function on_step =
        info.Length() > 1 && info[1].IsFunction() ? info[1].As<Napi::Function>() : Napi::Function();
    return start_work(env, "winsock-spi executePlan", on_step,
                      {[plan, result](const Report& report) { return spi::execute_plan(*plan, report, *result); },
                       [result](Napi::Env environment) -> Napi::Value { return to_object(environment, *result); }});
}

const char* name_of(spi::Recovery action) {
    switch (action) {
    case spi::Recovery::finished: return "finished";
    case spi::Recovery::undone: return "undone";
    case spi::Recovery::unconfirmed: return "unconfirmed";
    default: return "none";
    }
}

// recover(gate?), confirmChange(gate?), rollBackChange(gate?)
template <spi::Status (*Settle)(spi::RecoverResult&, const std::wstring&)>
Napi::Value settle(const Napi::CallbackInfo& info) {
    const std::wstring gate =
        info.Length() > 0 && !info[0].IsUndefined() ? string_argument(info, 0, "gate") : std::wstring();
    auto result = std::make_shared<spi::RecoverResult>();
    const auto value = [result](Napi::Env env) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("action", name_of(result->action));
        if (!result->operation.empty()) {
            object.Set("operation", result->operation);
        }
        if (result->unconfirmed_until != 0) {
            object.Set("until", static_cast<double>(spi::unix_milliseconds(result->unconfirmed_until)));
        }
        object.Set("writes", static_cast<double>(result->writes));
        return object;
    };
    return start_work(info.Env(), "winsock-spi recovery", Napi::Function(),
                      {[result, gate](const Report&) { return Settle(*result, gate); }, value});
}

Napi::Value pending_change(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::PendingChange pending;
    check(env, spi::pending_change(pending));
    if (pending.operation.empty()) {
        return env.Undefined();
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("operation", pending.operation);
    if (pending.unconfirmed_until != 0) {
        object.Set("until", static_cast<double>(spi::unix_milliseconds(pending.unconfirmed_until)));
    }
    return object;
}

Napi::Value prepare_folders(const Napi::CallbackInfo& info) {
    std::wstring data;
    std::wstring backups;
    check(info.Env(), spi::prepare_folders(data, backups));
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("data", to_string(info.Env(), data));
    object.Set("backups", to_string(info.Env(), backups));
    return object;
}

} // namespace

void init_executor(Napi::Env env, Napi::Object exports) {
    exports.Set("executePlan", Napi::Function::New(env, execute_plan, "executePlan"));
    set_function(exports, "recover", settle<spi::recover>);
    set_function(exports, "confirmChange", settle<spi::confirm_change>);
    set_function(exports, "rollBackChange", settle<spi::roll_back_change>);
    set_function(exports, "pendingChange", pending_change);
    exports.Set("prepareFolders", Napi::Function::New(env, prepare_folders, "prepareFolders"));
}

} // namespace winsock_spi::addon
