// Work that takes long and settles a promise: on a thread of its own, not in libuv's pool, where it would hold up the
// program's file accesses. The environment may end before the work does: the work goes on, nobody is told.
#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "spi/status.hpp"

namespace winsock_spi::addon {

// How the work reports a step; callable from the working thread only.
using Report = std::function<void(std::size_t index, std::size_t count, const std::string& text)>;

struct Work {
    // On the working thread. An error rejects the promise.
    std::function<spi::Status(const Report& report)> run;
    // On the environment's thread, after run was fine: the value of the promise.
    std::function<Napi::Value(Napi::Env env)> result;
};

// `on_step` may be empty.
Napi::Promise start_work(Napi::Env env, const char* name, Napi::Function on_step, Work work);

} // namespace winsock_spi::addon
