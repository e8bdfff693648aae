// Addon part: word of changes of the catalogs. lib/native/catalog-watch.ts documents every function.
#include "parts.hpp"

#include "spi/catalog_watch.hpp"
#include "spi/exclusive_lock.hpp"
#include "values.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace winsock_spi::addon {
namespace {

// More events than this are not kept for an environment that is busy with something else.
constexpr std::size_t most_events = 1024;

struct Change {
    spi::ChangeSource source;
    std::uint64_t filetime;
};

// What the watch has told and JavaScript has not heard yet. Several changes are one: who hears of it reads the catalogs
// as they are then.
struct News {
    std::optional<Change> change;
    std::deque<std::wstring> events;
    std::optional<spi::Status> failure;
};

// One watch of one environment. Its references: the methods of the JavaScript object, and the threadsafe function.
class Watching final : public spi::CatalogWatchSink, public std::enable_shared_from_this<Watching> {
public:
    explicit Watching(Napi::Env env) : env_(env) {}
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

    spi::Status open(Napi::Function on_news) {
        auto context = std::make_unique<Context>(shared_from_this());
        if (napi_create_threadsafe_function(env_, nullptr, nullptr,
                                            Napi::String::New(env_, "winsock-spi catalog watch"), 0, 1, nullptr,
                                            finalize, context.get(), receive, &function_) != napi_ok) {
            function_ = nullptr;
            return spi::own_error("ERR_INTERNAL", "napi_create_threadsafe_function failed");
        }
        context.release(); // finalize deletes it
        // Later hooks run first: this one before that of the threadsafe function, which must not be used when it is
        // gone.
        napi_add_env_cleanup_hook(env_, clean_up, this);
        on_news_ = Napi::Persistent(on_news);
        spi::Status status = spi::CatalogWatch::open(*this, watch_);
        if (!status.ok()) {
            close();
        }
        return status;
    }

    void close() {
        if (function_ != nullptr) {
            napi_remove_env_cleanup_hook(env_, clean_up, this);
            end();
            on_news_.Reset();
        }
    }

    spi::CatalogWatchWays ways() const { return watch_ == nullptr ? spi::CatalogWatchWays{} : watch_->ways(); }

    void changed(spi::ChangeSource source, std::uint64_t filetime) noexcept override {
        tell([&](News& news) {
            if (!news.change) {
                news.change = Change{source, filetime};
            }
        });
    }
    void event(std::wstring xml) noexcept override {
        tell([&](News& news) {
            if (news.events.size() < most_events) {
                news.events.push_back(std::move(xml));
            }
        });
    }
    void failed(const spi::Status& status) noexcept override {
        tell([&](News& news) { news.failure = status; });
    }

private:
    using Context = std::shared_ptr<Watching>;

    static void finalize(napi_env, void*, void* context) { delete static_cast<Context*>(context); }

    static void clean_up(void* self) {
        auto& watching = *static_cast<Watching*>(self);
        const Context alive = watching.shared_from_this();
        watching.end();
        watching.on_news_.SuppressDestruct();
    }

    void end() {
        watch_.reset(); // its thread has ended then, and nobody calls the function any more
        napi_release_threadsafe_function(std::exchange(function_, nullptr), napi_tsfn_abort);
    }

    // On the watch's thread. Rings once for all that comes until it is heard.
    template <typename Add>
    void tell(Add add) noexcept {
        const spi::ExclusiveLock lock(lock_);
        add(news_);
        if (!rung_) {
            rung_ = napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking) == napi_ok;
        }
    }

    static void receive(napi_env env, napi_value, void* context, void*) {
        if (env != nullptr) { // else the environment is ending
            const Context watching = *static_cast<Context*>(context);
            watching->deliver();
        }
    }

    void deliver() {
        News news;
        {
            const spi::ExclusiveLock lock(lock_);
            rung_ = false;
            std::swap(news, news_);
        }
        if (on_news_.IsEmpty()) { // closed meanwhile
            return;
        }
        const Napi::HandleScope scope(env_);
        Napi::Object object = Napi::Object::New(env_);
        if (news.change) {
            object.Set("source", news.change->source == spi::ChangeSource::winsock ? "winsock" : "registry");
            object.Set("filetime", to_bigint(env_, news.change->filetime));
        }
        Napi::Array events = Napi::Array::New(env_, news.events.size());
        for (std::uint32_t index = 0; index < events.Length(); ++index) {
            events.Set(index, to_string(env_, news.events[index]));
        }
        object.Set("events", events);
        if (news.failure) {
            object.Set("failure", make_error(env_, *news.failure).Value());
        }
        try {
            on_news_.Value().Call({object});
        } catch (const Napi::Error& error) {
            napi_fatal_exception(env_, error.Value());
        }
    }

    Napi::Env env_;
    napi_threadsafe_function function_ = nullptr;
    Napi::FunctionReference on_news_;
    SRWLOCK lock_ = SRWLOCK_INIT;
    News news_;
    bool rung_ = false;
    std::unique_ptr<spi::CatalogWatch> watch_;
};

// openCatalogWatch(onNews): CatalogWatchHandle
Napi::Value open_catalog_watch(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsFunction()) {
        throw Napi::TypeError::New(env, "onNews must be a function");
    }
    auto watching = std::make_shared<Watching>(env);
    check(env, watching->open(info[0].As<Napi::Function>()));
    Napi::Object object = Napi::Object::New(env);
    object.Set("winsock", Napi::Boolean::New(env, watching->ways().winsock));
    object.Set("events", Napi::Boolean::New(env, watching->ways().events));
    set_function(object, "close", [watching](const Napi::CallbackInfo&) { watching->close(); });
    return object;
}

} // namespace

void init_catalog_watch(Napi::Env env, Napi::Object exports) {
    exports.Set("openCatalogWatch", Napi::Function::New(env, open_catalog_watch, "openCatalogWatch"));
}

} // namespace winsock_spi::addon
