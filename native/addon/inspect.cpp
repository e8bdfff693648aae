// Addon part: which DLLs Windows lets programs load, the signature of a file, and providers tried out in a process of
// their own.
#include "parts.hpp"

#include "operation.hpp"
#include "spi/code_integrity.hpp"
#include "spi/process.hpp"
#include "spi/signature.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

constexpr std::size_t most_output = std::size_t{1} << 20;

const char* name_of(spi::SignatureKind kind) {
    switch (kind) {
    case spi::SignatureKind::embedded: return "embedded";
    case spi::SignatureKind::catalog: return "catalog";
    default: return "none";
    }
}

const char* name_of(spi::SmartAppControl state) {
    switch (state) {
    case spi::SmartAppControl::off: return "off";
    case spi::SmartAppControl::on: return "on";
    case spi::SmartAppControl::evaluation: return "evaluation";
    default: return "absent";
    }
}

Napi::Value code_integrity(const Napi::CallbackInfo& info) {
    const spi::CodeIntegrity found = spi::read_code_integrity();
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("smartAppControl", name_of(found.smart_app_control));
    object.Set("userMode", found.user_mode);
    object.Set("auditOnly", found.audit_only);
    return object;
}

// readSignature(path): Promise<FileSignature>
Napi::Value read_signature(const Napi::CallbackInfo& info) {
    const std::wstring path = string_argument(info, 0, "path");
    auto signature = std::make_shared<spi::Signature>();
    return start_work(info.Env(), "winsock-spi readSignature", Napi::Function(),
                      {[path, signature](const Report&) { return spi::read_signature(path, *signature); },
                       [signature](Napi::Env env) -> Napi::Value {
                           Napi::Object object = Napi::Object::New(env);
                           object.Set("by", name_of(signature->kind));
                           object.Set("trusted", signature->trusted);
                           object.Set("altered", signature->altered);
                           object.Set("error", Napi::Number::New(env, signature->error));
                           object.Set("signer", to_string(env, signature->signer));
                           return object;
                       }});
}

// runInspect(program, request, milliseconds): Promise<InspectRun>
Napi::Value run_inspect(const Napi::CallbackInfo& info) {
    const std::wstring program = string_argument(info, 0, "program");
    const std::wstring request = string_argument(info, 1, "request");
    const std::uint32_t milliseconds = number_argument(info, 2, "milliseconds", 3'600'000);
    auto result = std::make_shared<spi::ProgramResult>();
    return start_work(info.Env(), "winsock-spi runInspect", Napi::Function(),
                      {[program, request, milliseconds, result](const Report&) {
                           return spi::run_program(program, {L"inspect", request}, milliseconds, *result, most_output);
                       },
                       [result](Napi::Env env) -> Napi::Value {
                           Napi::Object object = Napi::Object::New(env);
                           object.Set("exitCode", Napi::Number::New(env, result->exit_code));
                           object.Set("timedOut", result->timed_out);
                           object.Set("output", result->output);
                           return object;
                       }});
}

} // namespace

void init_inspect(Napi::Env, Napi::Object exports) {
    set_function(exports, "codeIntegrity", code_integrity);
    set_function(exports, "readSignature", read_signature);
    set_function(exports, "runInspect", run_inspect);
}

} // namespace winsock_spi::addon
