// Addon part: the mechanisms that carry bytes between processes.
#include "parts.hpp"

#include "link.hpp"
#include "operation.hpp"
#include "spi/transports/anonymous_pipe.hpp"
#include "spi/transports/mechanism.hpp"
#include "spi/transports/shared_memory.hpp"
#include "values.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace winsock_spi::addon {
namespace {

Napi::Function function_argument(const Napi::CallbackInfo& info, std::size_t index) {
    if (index >= info.Length() || !info[index].IsFunction()) {
        throw Napi::TypeError::New(info.Env(), "onEvents must be a function");
    }
    return info[index].As<Napi::Function>();
}

// Arguments `index` and `index` + 1: a name and an SDDL text, which may be empty.
spi::MechanismOptions options_argument(const Napi::CallbackInfo& info, std::size_t index) {
    spi::MechanismOptions options{string_argument(info, index, "name"), string_argument(info, index + 1, "sddl")};
    if (!spi::valid_port_name(options.name)) {
        throw Napi::TypeError::New(info.Env(), "name must be 1 to 100 letters, digits, dots, dashes or underscores");
    }
    return options;
}

// openPort(kind, name, sddl, onEvents)
Napi::Value open_port(const Napi::CallbackInfo& info) {
    const std::wstring kind = string_argument(info, 0, "kind");
    const spi::MechanismOptions options = options_argument(info, 1);
    const Napi::Function on_events = function_argument(info, 3);
    std::unique_ptr<spi::Mechanism> port;
    if (kind == L"mailslot") {
        port = spi::make_mailslot_port(options);
    } else if (kind == L"copydata") {
        port = spi::make_copydata_port(options);
    } else if (kind == L"atoms") {
        port = spi::make_atom_port(options);
    } else if (kind == L"dde") {
        port = spi::make_dde_port(options);
    } else {
        throw Napi::TypeError::New(info.Env(), "there is no such kind of port");
    }
    return start_link(info.Env(), std::move(port), on_events);
}

// openSharedMemoryDoor(name, sddl, onEvents)
Napi::Value open_door(const Napi::CallbackInfo& info) {
    const spi::MechanismOptions options = options_argument(info, 0);
    return start_link(info.Env(), spi::make_shared_memory_door(options), function_argument(info, 2));
}

// openSharedMemorySlot(name, slot, onEvents)
Napi::Value open_slot(const Napi::CallbackInfo& info) {
    spi::MechanismOptions options{string_argument(info, 0, "name"), {}};
    const std::uint32_t slot = number_argument(info, 1, "slot");
    return start_link(info.Env(), spi::make_shared_memory_slot(options, slot), function_argument(info, 2));
}

// connectSharedMemory(name, onEvents)
Napi::Value connect_shared_memory(const Napi::CallbackInfo& info) {
    spi::MechanismOptions options{string_argument(info, 0, "name"), {}};
    if (!spi::valid_port_name(options.name)) {
        throw Napi::TypeError::New(info.Env(), "name must be the name of a door");
    }
    return start_link(info.Env(), spi::make_shared_memory_client(options), function_argument(info, 1));
}

// startWithPipes(file, commandLine, folder, environment, variable, onEvents): { pid, exited, link }
Napi::Value start_with_pipes(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 4 || !info[3].IsArray()) {
        throw Napi::TypeError::New(env, "environment must be an array of strings");
    }
    const auto list = info[3].As<Napi::Array>();
    std::vector<std::wstring> environment;
    for (std::uint32_t index = 0; index < list.Length(); ++index) {
        const Napi::Value entry = list.Get(index);
        if (!entry.IsString()) {
            throw Napi::TypeError::New(env, "environment must be an array of strings");
        }
        const std::u16string text = entry.As<Napi::String>().Utf16Value();
        environment.emplace_back(reinterpret_cast<const wchar_t*>(text.data()), text.size());
    }
    const Napi::Function on_events = function_argument(info, 5);
    auto started = std::make_shared<spi::StartedProgram>();
    spi::PipeEnds ends;
    check(env, spi::start_with_pipes(string_argument(info, 0, "file"), string_argument(info, 1, "commandLine"),
                                     string_argument(info, 2, "folder"), environment,
                                     string_argument(info, 4, "variable"), *started, ends));
    auto code = std::make_shared<std::uint32_t>(0);
    Napi::Object object = Napi::Object::New(env);
    object.Set("pid", Napi::Number::New(env, started->pid));
    object.Set("link", start_link(env, spi::make_anonymous_pipe_line(std::move(ends)), on_events));
    object.Set("exited", start_work(env, "winsock-spi startWithPipes", Napi::Function(),
                                    {[started, code](const Report&) { return spi::wait_for_program(*started, *code); },
                                     [code](Napi::Env environment_now) -> Napi::Value {
                                         return Napi::Number::New(environment_now, *code);
                                     }}));
    object.Set("kill",
               Napi::Function::New(
                   env, [started](const Napi::CallbackInfo&) { TerminateProcess(started->process.get(), 1); }, "kill"));
    return object;
}

// takePipes(read, write, onEvents)
Napi::Value take_pipes(const Napi::CallbackInfo& info) {
    spi::PipeEnds ends;
    check(info.Env(), spi::take_pipe_ends(number_argument(info, 0, "read"), number_argument(info, 1, "write"), ends));
    return start_link(info.Env(), spi::make_anonymous_pipe_line(std::move(ends)), function_argument(info, 2));
}

} // namespace

void init_transports(Napi::Env env, Napi::Object exports) {
    const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
        exports.Set(name, Napi::Function::New(env, function, name));
    };
    add("openPort", open_port);
    add("openSharedMemoryDoor", open_door);
    add("openSharedMemorySlot", open_slot);
    add("connectSharedMemory", connect_shared_memory);
    add("startWithPipes", start_with_pipes);
    add("takePipes", take_pipes);
}

} // namespace winsock_spi::addon
