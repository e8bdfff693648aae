#include "link.hpp"

#include "pinned_thread.hpp"
#include "spi/unique.hpp"
#include "values.hpp"

#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace winsock_spi::addon {
namespace {

// Received and not yet fetched by the environment's thread.
constexpr std::size_t most_waiting_bytes = 256 * 1024;
// How often a call that cannot be woken is broken off anew.
constexpr DWORD interrupt_interval = 20;

struct Outgoing {
    enum class Kind { send, forget, finish } kind = Kind::send;
    std::wstring target;
    std::vector<std::uint8_t> bytes;
};

struct Failure {
    std::wstring target;
    spi::Status status;
};

// What the next call of on_events tells.
struct Events {
    bool ready = false;
    std::vector<std::vector<std::uint8_t>> messages;
    std::uint32_t sent = 0;
    std::vector<Failure> failures;
    std::optional<spi::Status> ended;
};

class Link final : public spi::Inbox, public std::enable_shared_from_this<Link> {
public:
    using Context = std::shared_ptr<Link>;

    explicit Link(std::unique_ptr<spi::Mechanism> mechanism) : mechanism_(std::move(mechanism)) {}

    spi::Status start(Napi::Env env, Napi::Function on_events) {
        stop_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        room_.reset(CreateEventW(nullptr, TRUE, TRUE, nullptr));
        queued_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
        ended_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        if (!stop_ || !room_ || !queued_ || !ended_) {
            return spi::last_error("CreateEventW");
        }
        if (spi::Status status = mechanism_->open(); !status.ok()) {
            return status;
        }
        tell_ = Tell::New(env, on_events, "winsock-spi link", 0, 1, new Context(shared_from_this()),
                          [](Napi::Env, void*, Context* context) { delete context; });
        napi_add_env_cleanup_hook(env, environment_ends, this);
        spi::Status status = start_thread(&Link::receive);
        if (status.ok()) {
            status = start_thread(&Link::send_all);
        }
        if (!status.ok()) {
            close(env);
        }
        return status;
    }

    void queue(Outgoing outgoing) {
        const std::lock_guard lock(mutex_);
        outgoing_.push_back(std::move(outgoing));
        SetEvent(queued_.get());
    }

    void set_paused(bool paused) {
        const std::lock_guard lock(mutex_);
        paused_ = paused;
        show_room();
    }

    void set_referenced(Napi::Env env, bool referenced) {
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            if (referenced) {
                tell_.Ref(env);
            } else {
                tell_.Unref(env);
            }
        }
    }

    void close(Napi::Env env) {
        napi_remove_env_cleanup_hook(env, environment_ends, this);
        close_now();
    }

    // Inbox
    void ready() override {
        const std::lock_guard lock(mutex_);
        events_.ready = true;
        tell();
    }
    void deliver(spi::Bytes bytes) override {
        const std::lock_guard lock(mutex_);
        events_.messages.emplace_back(bytes.begin(), bytes.end());
        waiting_bytes_ += bytes.size() + sizeof(bytes);
        show_room();
        tell();
    }
    bool full() override {
        const std::lock_guard lock(mutex_);
        return is_full();
    }
    bool wait_for_room() override {
        const HANDLE either[] = {stop_.get(), room_.get()}; // stop counts first
        return WaitForMultipleObjects(2, either, FALSE, INFINITE) == WAIT_OBJECT_0 + 1;
    }

private:
    static void call(Napi::Env env, Napi::Function on_events, Context* context, std::nullptr_t*) {
        if (env != nullptr && on_events.IsFunction()) { // else the environment is ending
            (*context)->report(env, on_events);
        }
    }
    static void environment_ends(void* link) { static_cast<Link*>(link)->close_now(); }
    using Tell = Napi::TypedThreadSafeFunction<Context, std::nullptr_t, call>;

    spi::Status start_thread(void (Link::*work)()) {
        {
            const std::lock_guard lock(mutex_);
            ++threads_;
        }
        spi::Status status = run_pinned([link = shared_from_this(), work] {
            ((*link).*work)();
            link->thread_ends();
        });
        if (!status.ok()) {
            thread_ends();
        }
        return status;
    }

    void thread_ends() {
        std::shared_ptr<spi::Mechanism> last; // destroyed without the lock
        const std::lock_guard lock(mutex_);
        if (--threads_ == 0) {
            SetEvent(ended_.get());
            last = std::move(mechanism_);
        }
    }

    void receive() {
        spi::Status status;
        try {
            status = mechanism_->receive(*this, stop_.get());
        } catch (const std::exception& error) { // out of memory
            status = spi::own_error("ERR_INTERNAL", error.what());
        }
        const std::lock_guard lock(mutex_);
        events_.ended = std::move(status);
        tell();
    }

    void send_all() {
        const HANDLE events[] = {stop_.get(), queued_.get()};
        while (WaitForSingleObject(stop_.get(), 0) != WAIT_OBJECT_0) {
            Outgoing next;
            if (!take(next)) {
                mechanism_->wait(events, 2);
                continue;
            }
            if (next.kind == Outgoing::Kind::forget) {
                mechanism_->forget(next.target);
                continue;
            }
            spi::Status status;
            if (next.kind == Outgoing::Kind::finish) {
                mechanism_->finish();
            } else {
                status = mechanism_->send(next.target, next.bytes, stop_.get());
            }
            {
                const std::lock_guard lock(mutex_);
                ++events_.sent;
                if (!status.ok()) {
                    events_.failures.push_back({next.target, std::move(status)});
                }
                tell();
            }
        }
        mechanism_->end_sending();
    }

    bool take(Outgoing& next) {
        const std::lock_guard lock(mutex_);
        if (outgoing_.empty()) {
            return false;
        }
        next = std::move(outgoing_.front());
        outgoing_.pop_front();
        return true;
    }

    // The following four: the lock is held.
    bool is_full() const { return paused_ || waiting_bytes_ >= most_waiting_bytes; }
    void show_room() {
        if (is_full()) {
            ResetEvent(room_.get());
        } else {
            SetEvent(room_.get());
        }
    }
    void tell() {
        if (closed_ || told_) {
            return;
        }
        const napi_status status = tell_.NonBlockingCall();
        told_ = status == napi_ok;
        closed_ = status == napi_closing; // it must not be used again
    }

    // On the environment's thread.
    void report(Napi::Env env, Napi::Function on_events) {
        Events events;
        {
            const std::lock_guard lock(mutex_);
            told_ = false;
            if (closed_) {
                return;
            }
            std::swap(events, events_);
            waiting_bytes_ = 0;
            show_room();
        }
        const Napi::HandleScope scope(env);
        Napi::Object object = Napi::Object::New(env);
        object.Set("ready", Napi::Boolean::New(env, events.ready));
        Napi::Array messages = Napi::Array::New(env, events.messages.size());
        for (std::uint32_t index = 0; index < messages.Length(); ++index) {
            const std::vector<std::uint8_t>& bytes = events.messages[index];
            messages.Set(index, Napi::Buffer<std::uint8_t>::Copy(env, bytes.data(), bytes.size()));
        }
        object.Set("messages", messages);
        object.Set("sent", Napi::Number::New(env, events.sent));
        Napi::Array failures = Napi::Array::New(env, events.failures.size());
        for (std::uint32_t index = 0; index < failures.Length(); ++index) {
            Napi::Object failure = Napi::Object::New(env);
            failure.Set("target", to_string(env, events.failures[index].target));
            failure.Set("error", make_error(env, events.failures[index].status).Value());
            failures.Set(index, failure);
        }
        object.Set("failures", failures);
        object.Set("ended", Napi::Boolean::New(env, events.ended.has_value()));
        if (events.ended && !events.ended->ok()) {
            object.Set("error", make_error(env, *events.ended).Value());
        }
        on_events.Call({object});
    }

    void close_now() {
        std::shared_ptr<spi::Mechanism> mechanism;
        {
            const std::lock_guard lock(mutex_);
            SetEvent(stop_.get());
            outgoing_.clear();
            if (closing_) {
                return;
            }
            closing_ = true;
            if (!closed_) {
                closed_ = true;
                tell_.Release();
            }
            mechanism = mechanism_;
        }
        if (mechanism != nullptr && mechanism->interrupt()) {
            const spi::Status status = run_pinned([link = shared_from_this(), mechanism] {
                while (WaitForSingleObject(link->ended_.get(), interrupt_interval) == WAIT_TIMEOUT) {
                    mechanism->interrupt();
                }
            });
            static_cast<void>(status); // without it the threads end when the other end closes
        }
    }

    spi::UniqueHandle stop_;
    spi::UniqueHandle room_;
    spi::UniqueHandle queued_;
    spi::UniqueHandle ended_;
    Tell tell_;

    std::mutex mutex_;
    // Until both threads have ended; they use it without the lock. With it goes what others can see, like the name.
    std::shared_ptr<spi::Mechanism> mechanism_;
    std::deque<Outgoing> outgoing_;
    Events events_;
    std::size_t waiting_bytes_ = 0;
    unsigned threads_ = 0;
    bool paused_ = false;
    bool told_ = false; // a call of on_events is on its way
    bool closing_ = false; // close was asked for
    bool closed_ = false; // tell_ must not be used
};

std::vector<std::uint8_t> bytes_argument(const Napi::CallbackInfo& info, std::size_t index) {
    if (index >= info.Length() || !info[index].IsTypedArray() ||
        info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        throw Napi::TypeError::New(info.Env(), "bytes must be a Uint8Array");
    }
    const auto array = info[index].As<Napi::Uint8Array>();
    return {array.Data(), array.Data() + array.ByteLength()};
}

std::wstring target_argument(const Napi::CallbackInfo& info) {
    std::wstring target = string_argument(info, 0, "target");
    if (!target.empty() && !spi::valid_port_name(target)) {
        throw Napi::TypeError::New(info.Env(), "target must be the name of a port");
    }
    return target;
}

} // namespace

Napi::Object start_link(Napi::Env env, std::unique_ptr<spi::Mechanism> mechanism, Napi::Function on_events) {
    const auto link = std::make_shared<Link>(std::move(mechanism));
    check(env, link->start(env, on_events));
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "send", [link](const Napi::CallbackInfo& call) {
        link->queue({Outgoing::Kind::send, target_argument(call), bytes_argument(call, 1)});
    });
    set_function(object, "forget", [link](const Napi::CallbackInfo& call) {
        link->queue({Outgoing::Kind::forget, target_argument(call), {}});
    });
    set_function(object, "finish",
                 [link](const Napi::CallbackInfo&) { link->queue({Outgoing::Kind::finish, {}, {}}); });
    set_function(object, "pause", [link](const Napi::CallbackInfo&) { link->set_paused(true); });
    set_function(object, "resume", [link](const Napi::CallbackInfo&) { link->set_paused(false); });
    set_function(object, "ref", [link](const Napi::CallbackInfo& call) { link->set_referenced(call.Env(), true); });
    set_function(object, "unref", [link](const Napi::CallbackInfo& call) { link->set_referenced(call.Env(), false); });
    set_function(object, "close", [link](const Napi::CallbackInfo& call) { link->close(call.Env()); });
    return object;
}

} // namespace winsock_spi::addon
