// The pattern that every mechanism of native/spi/transports runs in: a thread that receives, a thread that sends, and a
// function of the environment that hears of both. The threads may outlive the environment; they then tell nobody.
#pragma once

#include <napi.h>

#include <memory>

#include "spi/transports/mechanism.hpp"

namespace winsock_spi::addon {

// Opens the mechanism and starts both threads. `on_events` is called with one object for all that happened since its
// last call; lib/native/transports.ts (`LinkEvents`, `Link`) documents it and the object returned.
Napi::Object start_link(Napi::Env env, std::unique_ptr<spi::Mechanism> mechanism, Napi::Function on_events);

} // namespace winsock_spi::addon
