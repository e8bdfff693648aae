// Addon part: proving which process is at the other end of a channel.
#include "parts.hpp"

#include "spi/transports/proof.hpp"
#include "values.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

namespace winsock_spi::addon {
namespace {

// A proof together with the function that hears of the process's end.
class Held : public std::enable_shared_from_this<Held> {
public:
    using Context = std::shared_ptr<Held>;

    spi::Status open(Napi::Env env, std::uint32_t pid, const spi::Secret& secret, Napi::Function on_exit) {
        if (spi::Status status = proof_.open(pid, secret); !status.ok()) {
            return status;
        }
        tell_ = Tell::New(env, on_exit, "winsock-spi process", 0, 1, new Context(shared_from_this()),
                          [](Napi::Env, void*, Context* context) { delete context; });
        tell_.Unref(env); // a channel keeps the program alive, not the watch over its other end
        napi_add_env_cleanup_hook(env, environment_ends, this);
        spi::Status status = proof_.watch([this] { exited(); });
        if (!status.ok()) {
            close(env);
        }
        return status;
    }

    std::uint32_t handle() const { return proof_.handle(); }
    void withdraw() { proof_.withdraw(); }
    void close(Napi::Env env) {
        napi_remove_env_cleanup_hook(env, environment_ends, this);
        close_now();
    }

private:
    static void environment_ends(void* held) { static_cast<Held*>(held)->close_now(); }
    static void call(Napi::Env env, Napi::Function on_exit, Context*, std::nullptr_t*) {
        if (env != nullptr && on_exit.IsFunction()) {
            on_exit.Call({});
        }
    }
    using Tell = Napi::TypedThreadSafeFunction<Context, std::nullptr_t, call>;

    void exited() { // on a thread of the system's
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            closed_ = tell_.NonBlockingCall() == napi_closing;
        }
    }
    void close_now() {
        proof_.close(); // from here on no call of exited
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            closed_ = true;
            tell_.Release();
        }
    }

    spi::Proof proof_;
    Tell tell_;
    std::mutex mutex_;
    bool closed_ = false; // tell_ must not be used
};

// openProof(pid, secret, onExit): { handle, withdraw(), close() }
Napi::Value open_proof(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::uint32_t pid = number_argument(info, 0, "pid");
    spi::Secret secret{};
    if (info.Length() < 3 || !info[1].IsTypedArray() ||
        info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
        info[1].As<Napi::Uint8Array>().ByteLength() != secret.size() || !info[2].IsFunction()) {
        throw Napi::TypeError::New(env, "secret must be a Uint8Array of 32 bytes, and onExit a function");
    }
    std::copy_n(info[1].As<Napi::Uint8Array>().Data(), secret.size(), secret.begin());
    const auto held = std::make_shared<Held>();
    check(env, held->open(env, pid, secret, info[2].As<Napi::Function>()));
    Napi::Object object = Napi::Object::New(env);
    object.Set("handle", Napi::Number::New(env, held->handle()));
    object.Set("withdraw", Napi::Function::New(env, [held](const Napi::CallbackInfo&) { held->withdraw(); }));
    object.Set("close", Napi::Function::New(env, [held](const Napi::CallbackInfo& call) { held->close(call.Env()); }));
    return object;
}

// readSecret(handle, verifier): Uint8Array
Napi::Value read_secret(const Napi::CallbackInfo& info) {
    spi::Secret secret{};
    check(info.Env(),
          spi::read_secret(number_argument(info, 0, "handle"), number_argument(info, 1, "verifier"), secret));
    return to_bytes(info.Env(), secret);
}

} // namespace

void init_proof(Napi::Env env, Napi::Object exports) {
    exports.Set("openProof", Napi::Function::New(env, open_proof, "openProof"));
    exports.Set("readSecret", Napi::Function::New(env, read_secret, "readSecret"));
}

} // namespace winsock_spi::addon
