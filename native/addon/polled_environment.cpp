#include "polled_environment.hpp"

#include <new>
#include <utility>

namespace winsock_spi::addon {

std::shared_ptr<PolledEnvironment> PolledEnvironment::create(Napi::Env env) {
    return std::make_shared<PolledEnvironment>(env);
}

spi::Status PolledEnvironment::open() {
    if (ended_) {
        return spi::own_error("ERR_ENVIRONMENT_ENDED", "this thread of JavaScript is ending");
    }
    if (function_ != nullptr) {
        return {};
    }
    auto context = std::make_unique<Context>(shared_from_this());
    const napi_status made =
        napi_create_threadsafe_function(env_, nullptr, nullptr, Napi::String::New(env_, "winsock-spi readiness"), 0, 1,
                                        nullptr, finalize, context.get(), receive, &function_);
    if (made != napi_ok) {
        function_ = nullptr;
        return spi::own_error("ERR_INTERNAL", "napi_create_threadsafe_function failed");
    }
    context.release(); // finalize deletes it
    napi_unref_threadsafe_function(env_, function_);
    // Later hooks run first: this one before that of the threadsafe function, which must not be used when it is gone.
    napi_add_env_cleanup_hook(env_, clean_up, this);
    return {};
}

void PolledEnvironment::finalize(napi_env, void*, void* context) {
    delete static_cast<Context*>(context);
}

void PolledEnvironment::clean_up(void* self) {
    auto& environment = *static_cast<PolledEnvironment*>(self);
    const Context alive = environment.shared_from_this();
    environment.ended_ = true;
    for (auto& [id, entry] : environment.entries_) {
        entry.socket->close(); // afterwards the waiting thread knows nothing of this environment
        entry.on_ready.SuppressDestruct();
    }
    environment.entries_.clear();
    napi_release_threadsafe_function(std::exchange(environment.function_, nullptr), napi_tsfn_abort);
}

spi::Status PolledEnvironment::add(spi::UniqueSocket& socket, Napi::Function on_ready,
                                   std::shared_ptr<spi::PolledSocket>& out) {
    if (spi::Status status = open(); !status.ok()) {
        return status;
    }
    std::unique_ptr<spi::PolledSocket> opened;
    if (spi::Status status = spi::PolledSocket::open(socket, *this, opened); !status.ok()) {
        return status;
    }
    out = std::move(opened);
    Entry& entry = entries_[out->id()];
    entry.socket = out;
    entry.on_ready = Napi::Persistent(on_ready);
    count_references(1);
    return {};
}

spi::UniqueSocket PolledEnvironment::remove(spi::PolledSocket& socket) {
    const auto found = entries_.find(socket.id());
    if (found != entries_.end()) {
        if (found->second.referenced) {
            count_references(-1);
        }
        entries_.erase(found);
    }
    return socket.release();
}

void PolledEnvironment::set_referenced(std::uint64_t id, bool referenced) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.referenced != referenced) {
        found->second.referenced = referenced;
        count_references(referenced ? 1 : -1);
    }
}

void PolledEnvironment::count_references(int change) {
    const bool before = references_ > 0;
    references_ += change;
    const bool now = references_ > 0;
    if (function_ == nullptr || before == now) {
        return;
    }
    if (now) {
        napi_ref_threadsafe_function(env_, function_);
    } else {
        napi_unref_threadsafe_function(env_, function_);
    }
}

void PolledEnvironment::again(std::uint64_t id) {
    if (!ended_) {
        ready(id, 0);
    }
}

// On the waiting thread under Readiness's lock, or on this environment's own: while either may come here, clean_up has
// not got past its disarms.
void PolledEnvironment::ready(std::uint64_t id, short events) noexcept {
    auto* message = new (std::nothrow) Message{id, events};
    if (message != nullptr && napi_call_threadsafe_function(function_, message, napi_tsfn_nonblocking) != napi_ok) {
        delete message;
    }
}

void PolledEnvironment::receive(napi_env env, napi_value, void* context, void* data) {
    const std::unique_ptr<Message> message(static_cast<Message*>(data));
    if (env == nullptr) { // the environment is ending
        return;
    }
    const Context environment = *static_cast<Context*>(context);
    environment->deliver(*message);
}

void PolledEnvironment::deliver(const Message& message) {
    const auto found = entries_.find(message.id);
    if (found == entries_.end()) { // closed meanwhile
        return;
    }
    const Napi::HandleScope scope(env_);
    const Napi::Function on_ready = found->second.on_ready.Value();
    try {
        on_ready.Call({Napi::Number::New(env_, message.events)});
    } catch (const Napi::Error& error) {
        // What a listener of the user's throws is an uncaught exception, as everywhere else. Left to Node, those of
        // threadsafe functions would only be warned about.
        napi_fatal_exception(env_, error.Value());
    }
}

} // namespace winsock_spi::addon
