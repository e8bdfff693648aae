#include "operation.hpp"

#include <exception>
#include <mutex>
#include <utility>

#include "pinned_thread.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

// The way from the working thread to the environment's, where the promise is. Node frees a threadsafe function with its
// environment, whoever else still holds it: the cleanup hook, which runs before that, cuts the working thread off.
class Operation : public std::enable_shared_from_this<Operation> {
public:
    Operation(Napi::Env env, Work work)
        : env_(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    Napi::Promise promise() const { return deferred_.Promise(); }

    void open(const char* name, Napi::Function on_step) {
        channel_ = Channel::New(env_, on_step, name, 0, 1, static_cast<std::nullptr_t*>(nullptr));
        open_ = true;
        self_ = shared_from_this(); // the hook's
        napi_add_env_cleanup_hook(env_, environment_ends, this);
    }

    // On the working thread.
    void run() {
        try {
            status_ = work_.run([this](std::size_t index, std::size_t count, const std::string& text) {
                send(std::make_unique<Message>(Message{nullptr, index, count, text}));
            });
        } catch (const std::exception& error) { // out of memory
            status_ = spi::own_error("ERR_INTERNAL", error.what());
        }
        send(std::make_unique<Message>(Message{shared_from_this(), 0, 0, {}}));
    }

    // On the environment's thread, once.
    void settle() {
        napi_remove_env_cleanup_hook(env_, environment_ends, this);
        close(&Channel::Release);
        if (!status_.ok()) {
            deferred_.Reject(make_error(env_, status_).Value());
            return;
        }
        deferred_.Resolve(work_.result(env_));
    }

    void fail(spi::Status status) {
        status_ = std::move(status);
        settle();
    }

private:
    struct Message {
        std::shared_ptr<Operation> finished; // set in the last message
        std::size_t index;
        std::size_t count;
        std::string text;
    };

    static void receive(Napi::Env env, Napi::Function on_step, std::nullptr_t*, Message* data) {
        const std::unique_ptr<Message> message(data);
        if (env == nullptr) { // the environment is ending
            return;
        }
        if (message->finished) {
            message->finished->settle();
        } else if (!on_step.IsEmpty() && on_step.IsFunction()) {
            on_step.Call({Napi::Number::New(env, static_cast<double>(message->index)),
                          Napi::Number::New(env, static_cast<double>(message->count)),
                          Napi::String::New(env, message->text)});
        }
    }
    using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Message, receive>;

    static void environment_ends(void* operation) { static_cast<Operation*>(operation)->close(&Channel::Abort); }

    void send(std::unique_ptr<Message> message) {
        const std::lock_guard lock(mutex_);
        if (open_ && channel_.NonBlockingCall(message.get()) == napi_ok) {
            message.release(); // receive's now
        }
    }

    void close(napi_status (Channel::*end)() const) {
        const std::shared_ptr<Operation> alive = std::move(self_);
        const std::lock_guard lock(mutex_);
        if (open_) {
            open_ = false;
            static_cast<void>((channel_.*end)());
        }
    }

    Napi::Env env_;
    Napi::Promise::Deferred deferred_;
    Work work_;
    spi::Status status_;
    std::shared_ptr<Operation> self_;
    std::mutex mutex_;
    Channel channel_;
    bool open_ = false;
};

} // namespace

Napi::Promise start_work(Napi::Env env, const char* name, Napi::Function on_step, Work work) {
    const auto operation = std::make_shared<Operation>(env, std::move(work));
    const Napi::Promise promise = operation->promise();
    operation->open(name, on_step);
    if (spi::Status status = run_pinned([operation] { operation->run(); }); !status.ok()) {
        operation->fail(std::move(status));
    }
    return promise;
}

} // namespace winsock_spi::addon
