// A thread that outlives the environment that started it: it holds its own reference to this module, so that Node may
// end a worker, and unload the addon with it, while the thread still finishes what it does.
#pragma once

#include <functional>

#include "spi/status.hpp"

namespace winsock_spi::addon {

// Runs `work` on a new thread; everything it owns is destroyed before the module is let go.
spi::Status run_pinned(std::function<void()> work);

} // namespace winsock_spi::addon
