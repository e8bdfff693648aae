// What ties polled sockets (spi/sockets/polled_socket.hpp) to one environment, that is to the main thread or a worker:
// the way from the waiting thread to it, and the end of them all when it ends.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>

#include "spi/sockets/polled_socket.hpp"

namespace winsock_spi::addon {

class PolledEnvironment final : public spi::ReadinessSink, public std::enable_shared_from_this<PolledEnvironment> {
public:
    static std::shared_ptr<PolledEnvironment> create(Napi::Env env);
    explicit PolledEnvironment(Napi::Env env) : env_(env) {}
    PolledEnvironment(const PolledEnvironment&) = delete;
    PolledEnvironment& operator=(const PolledEnvironment&) = delete;

    // Takes the socket over, if it can. `on_ready(events)` is called once for each arm or again, never after close or
    // release.
    spi::Status add(spi::UniqueSocket& socket, Napi::Function on_ready, std::shared_ptr<spi::PolledSocket>& out);
    spi::UniqueSocket remove(spi::PolledSocket& socket);

    // Calls on_ready in a turn of its own, without asking whether the socket is ready.
    void again(std::uint64_t id);
    // A socket that is referenced keeps the event loop alive.
    void set_referenced(std::uint64_t id, bool referenced);

    void ready(std::uint64_t id, short events) noexcept override;

private:
    struct Message {
        std::uint64_t id;
        short events;
    };
    struct Entry {
        std::shared_ptr<spi::PolledSocket> socket;
        Napi::FunctionReference on_ready;
        bool referenced = true;
    };
    using Context = std::shared_ptr<PolledEnvironment>;

    static void receive(napi_env env, napi_value callback, void* context, void* data);
    static void finalize(napi_env env, void* data, void* context);
    static void clean_up(void* self);
    spi::Status open();
    void deliver(const Message& message);
    void count_references(int change);

    Napi::Env env_;
    napi_threadsafe_function function_ = nullptr; // made for the first socket
    bool ended_ = false;
    int references_ = 0;
    std::map<std::uint64_t, Entry> entries_;
};

} // namespace winsock_spi::addon
