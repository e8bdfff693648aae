// Addon part: executing plans, recovering from interrupted ones, and the folders they need.
#include "parts.hpp"

#include "operation.hpp"
#include "spi/executor.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

Napi::Object to_object(Napi::Env env, const spi::ExecuteResult& result) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("undone", result.undone);
    object.Set("catalogDamaged", result.catalog_damaged);
    object.Set("writes", static_cast<double>(result.writes));
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

// recover(killAt?)
Napi::Value recover(const Napi::CallbackInfo& info) {
    const std::int64_t kill_at = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().Int64Value() : 0;
    auto result = std::make_shared<spi::RecoverResult>();
    const auto value = [result](Napi::Env env) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("action", result->action == spi::Recovery::none       ? "none"
                             : result->action == spi::Recovery::finished ? "finished"
                                                                         : "undone");
        if (!result->operation.empty()) {
            object.Set("operation", result->operation);
        }
        object.Set("writes", static_cast<double>(result->writes));
        return object;
    };
    return start_work(info.Env(), "winsock-spi recover", Napi::Function(),
                      {[result, kill_at](const Report&) {
                           return spi::recover(*result, static_cast<std::uint64_t>(kill_at > 0 ? kill_at : 0));
                       },
                       value});
}

Napi::Value pending_operation(const Napi::CallbackInfo& info) {
    std::string operation;
    check(info.Env(), spi::pending_operation(operation));
    return operation.empty() ? info.Env().Undefined() : Napi::String::New(info.Env(), operation).As<Napi::Value>();
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
    exports.Set("recover", Napi::Function::New(env, recover, "recover"));
    exports.Set("pendingOperation", Napi::Function::New(env, pending_operation, "pendingOperation"));
    exports.Set("prepareFolders", Napi::Function::New(env, prepare_folders, "prepareFolders"));
}

} // namespace winsock_spi::addon
