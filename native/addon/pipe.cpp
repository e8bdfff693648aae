// Addon part: named pipes. The handles become file descriptors of the host's libuv, whose streams move the bytes.
#include "parts.hpp"

#include "spi/sockets/peer.hpp"
#include "spi/transports/pipe.hpp"
#include "values.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace winsock_spi::addon {
namespace {

struct HostFiles {
    int (*open_handle)(HANDLE) = nullptr;
    HANDLE (*get_handle)(int) = nullptr;
};

template <typename Function>
void find_in_host(Function& function, const char* name) {
    const FARPROC address = GetProcAddress(GetModuleHandleW(nullptr), name);
    function = reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

// The C runtime of the host has the table of descriptors, ours would be another one.
const HostFiles& host_files(Napi::Env env) {
    static const HostFiles files = [] {
        HostFiles found;
        find_in_host(found.open_handle, "uv_open_osfhandle");
        find_in_host(found.get_handle, "uv_get_osfhandle");
        return found;
    }();
    if (files.open_handle == nullptr || files.get_handle == nullptr) {
        throw make_error(env, spi::own_error("ERR_RUNTIME_UNSUPPORTED",
                                             "This runtime does not export libuv's uv_open_osfhandle and "
                                             "uv_get_osfhandle, which the named pipe transport needs (Node.js does)."));
    }
    return files;
}

int to_descriptor(Napi::Env env, spi::UniqueFile pipe) {
    const int descriptor = host_files(env).open_handle(pipe.get());
    if (descriptor < 0) {
        throw make_error(env, spi::system_error(ERROR_TOO_MANY_OPEN_FILES, "uv_open_osfhandle"));
    }
    pipe.release(); // the descriptor's now
    return descriptor;
}

struct Connection {
    spi::UniqueFile pipe;
    std::uint32_t pid = 0;
};

// A listener and the way from its thread to the environment's.
class Listening : public std::enable_shared_from_this<Listening> {
public:
    static void receive(Napi::Env env, Napi::Function on_connection, Listening* listening, Connection* data) {
        const std::unique_ptr<Connection> connection(data);
        if (env == nullptr) { // the environment is ending
            return;
        }
        listening->listener_.taken();
        if (listening->open_) {
            const int descriptor = to_descriptor(env, std::move(connection->pipe));
            on_connection.Call({Napi::Number::New(env, descriptor), Napi::Number::New(env, connection->pid)});
        }
    }
    using Channel = Napi::TypedThreadSafeFunction<Listening, Connection, receive>;

    Listening() = default;
    ~Listening() { stop(); }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

    spi::Status start(Napi::Env env, Napi::Function on_connection, const std::wstring& path, const std::wstring& sddl) {
        env_ = env;
        // What is on its way from the thread refers to this object until the channel has ended.
        auto keep = std::make_unique<std::shared_ptr<Listening>>(shared_from_this());
        channel_ = Channel::New(
            env, on_connection, "winsock-spi pipe", 0, 1, this,
            [](Napi::Env, std::shared_ptr<Listening>* kept, Listening*) { delete kept; }, keep.get());
        keep.release();
        open_ = true;
        // Cleanup runs last in, first out: the thread ends before its channel does.
        napi_add_env_cleanup_hook(env, at_cleanup, this);
        spi::Status status =
            listener_.open(path, sddl, [this](spi::UniqueFile pipe, std::uint32_t pid) { send(std::move(pipe), pid); });
        if (!status.ok()) {
            stop();
        }
        return status;
    }

    void stop() {
        if (open_) {
            open_ = false;
            listener_.close();
            napi_remove_env_cleanup_hook(env_, at_cleanup, this);
            channel_.Release();
        }
    }

private:
    static void at_cleanup(void* listening) { static_cast<Listening*>(listening)->stop(); }

    // On the listener's thread.
    void send(spi::UniqueFile pipe, std::uint32_t pid) {
        auto connection = std::make_unique<Connection>();
        connection->pipe = std::move(pipe);
        connection->pid = pid;
        if (!closed_ && channel_.NonBlockingCall(connection.get()) == napi_ok) {
            connection.release(); // receive's now
        } else {
            closed_ = true;
        }
    }

    napi_env env_ = nullptr;
    Channel channel_;
    bool open_ = false;
    bool closed_ = false; // the listener's thread only
    spi::PipeListener listener_;
};

// listenPipe(path, sddl | undefined, onConnection(fd, pid)) -> { close() }
Napi::Value listen_pipe(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    host_files(env);
    const std::wstring path = string_argument(info, 0, "path");
    std::wstring sddl;
    if (info.Length() > 1 && !info[1].IsUndefined()) {
        sddl = string_argument(info, 1, "sddl");
    } else {
        check(env, spi::own_user_sddl(sddl));
    }
    if (info.Length() < 3 || !info[2].IsFunction()) {
        throw Napi::TypeError::New(env, "onConnection must be a function");
    }
    auto listening = std::make_shared<Listening>();
    check(env, listening->start(env, info[2].As<Napi::Function>(), path, sddl));
    Napi::Object object = Napi::Object::New(env);
    object.Set("close",
               Napi::Function::New(env, [listening](const Napi::CallbackInfo&) { listening->stop(); }, "close"));
    return object;
}

// connectPipe(path) -> { fd, pid }, undefined where it is busy
Napi::Value connect_pipe(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    host_files(env);
    spi::UniqueFile pipe;
    std::uint32_t pid = 0;
    const spi::Status status = spi::connect_pipe(string_argument(info, 0, "path"), pipe, pid);
    if (status.number == ERROR_PIPE_BUSY) {
        return env.Undefined();
    }
    check(env, status);
    Napi::Object object = Napi::Object::New(env);
    object.Set("fd", Napi::Number::New(env, to_descriptor(env, std::move(pipe))));
    object.Set("pid", Napi::Number::New(env, pid));
    return object;
}

// pipeProcess(fd, "client" | "server") -> pid
Napi::Value pipe_process(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::wstring end = string_argument(info, 1, "end");
    if (!info[0].IsNumber() || (end != L"client" && end != L"server")) {
        throw Napi::TypeError::New(env, "a descriptor, and client or server");
    }
    const HANDLE pipe = host_files(env).get_handle(info[0].As<Napi::Number>().Int32Value());
    std::uint32_t pid = 0;
    check(env, spi::pipe_process(pipe, end == L"client" ? spi::PipeEnd::client : spi::PipeEnd::server, pid));
    return Napi::Number::New(env, pid);
}

} // namespace

void init_pipe(Napi::Env, Napi::Object exports) {
    set_function(exports, "listenPipe", listen_pipe);
    set_function(exports, "connectPipe", connect_pipe);
    set_function(exports, "pipeProcess", pipe_process);
}

} // namespace winsock_spi::addon
