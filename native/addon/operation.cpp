#include "operation.hpp"

#include <exception>

#include "pinned_thread.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

// What the two threads share. The promise is touched on the environment's thread only.
struct Operation {
    Operation(Napi::Env env, Work given) : deferred(Napi::Promise::Deferred::New(env)), work(std::move(given)) {}

    Napi::Promise::Deferred deferred;
    Work work;
    spi::Status status;
};

struct Message {
    std::shared_ptr<Operation> finished; // set in the last message
    std::size_t index = 0;
    std::size_t count = 0;
    std::string text;
};

void settle(Napi::Env env, Operation& operation) {
    if (!operation.status.ok()) {
        operation.deferred.Reject(make_error(env, operation.status).Value());
        return;
    }
    operation.deferred.Resolve(operation.work.result(env));
}

void receive(Napi::Env env, Napi::Function on_step, std::nullptr_t*, Message* data) {
    const std::unique_ptr<Message> message(data);
    if (env == nullptr) { // the environment is ending
        return;
    }
    if (message->finished) {
        settle(env, *message->finished);
    } else if (!on_step.IsEmpty() && on_step.IsFunction()) {
        on_step.Call({Napi::Number::New(env, static_cast<double>(message->index)),
                      Napi::Number::New(env, static_cast<double>(message->count)),
                      Napi::String::New(env, message->text)});
    }
}

using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Message, receive>;

// The working thread's end of the channel. Once the environment is ending it must not be used again.
class Sender {
public:
    explicit Sender(Channel channel) : channel_(channel) {}

    void send(std::unique_ptr<Message> message) {
        if (closed_) {
            return;
        }
        const napi_status status = channel_.NonBlockingCall(message.get());
        if (status == napi_ok) {
            message.release(); // receive's now
        }
        closed_ = status == napi_closing;
    }

    void end() {
        if (!closed_) {
            channel_.Release();
            closed_ = true;
        }
    }

private:
    Channel channel_;
    bool closed_ = false;
};

void work_and_tell(const std::shared_ptr<Operation>& operation, Sender sender) {
    try {
        operation->status = operation->work.run([&](std::size_t index, std::size_t count, const std::string& text) {
            auto message = std::make_unique<Message>();
            message->index = index;
            message->count = count;
            message->text = text;
            sender.send(std::move(message));
        });
    } catch (const std::exception& error) { // out of memory
        operation->status = spi::own_error("ERR_INTERNAL", error.what());
    }
    auto message = std::make_unique<Message>();
    message->finished = operation;
    sender.send(std::move(message));
    sender.end();
}

} // namespace

Napi::Promise start_work(Napi::Env env, const char* name, Napi::Function on_step, Work work) {
    auto operation = std::make_shared<Operation>(env, std::move(work));
    const Napi::Promise promise = operation->deferred.Promise();
    Channel channel = Channel::New(env, on_step, name, 0, 1, static_cast<std::nullptr_t*>(nullptr));
    spi::Status status =
        run_pinned([operation, sender = Sender(channel)]() { work_and_tell(operation, sender); });
    if (!status.ok()) {
        channel.Release();
        operation->status = std::move(status);
        settle(env, *operation);
    }
    return promise;
}

} // namespace winsock_spi::addon
