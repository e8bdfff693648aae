// Addon part: starting a program that is watched, or held.
#include "parts.hpp"

#include "operation.hpp"
#include "spi/start_program.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

bool flag_of(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    return index < info.Length() && info[index].IsObject() &&
           info[index].As<Napi::Object>().Get(name).ToBoolean().Value();
}

std::wstring text_of(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    if (index >= info.Length() || !info[index].IsObject()) {
        return {};
    }
    const Napi::Value value = info[index].As<Napi::Object>().Get(name);
    if (!value.IsString()) {
        return {};
    }
    const std::u16string text = value.As<Napi::String>().Utf16Value();
    return {reinterpret_cast<const wchar_t*>(text.data()), text.size()};
}

// startProgram(file, commandLine, folder, { ownOutput, endWithUs, job }?): { pid, exited: Promise<exit code> }
Napi::Value start_program(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto started = std::make_shared<spi::StartedProgram>();
    const spi::StartOptions options{.own_output = flag_of(info, 3, "ownOutput"),
                                    .end_with_us = flag_of(info, 3, "endWithUs"),
                                    .job = text_of(info, 3, "job")};
    check(env, spi::start_program(string_argument(info, 0, "file"), string_argument(info, 1, "commandLine"),
                                  string_argument(info, 2, "folder"), options, *started));
    auto code = std::make_shared<std::uint32_t>(0);
    Napi::Object object = Napi::Object::New(env);
    object.Set("pid", Napi::Number::New(env, started->pid));
    object.Set("exited", start_work(env, "winsock-spi startProgram", Napi::Function(),
                                    {[started, code](const Report&) { return spi::wait_for_program(*started, *code); },
                                     [code](Napi::Env environment) -> Napi::Value {
                                         return Napi::Number::New(environment, *code);
                                     }}));
    return object;
}

} // namespace

void init_program(Napi::Env env, Napi::Object exports) {
    exports.Set("startProgram", Napi::Function::New(env, start_program, "startProgram"));
}

} // namespace winsock_spi::addon
