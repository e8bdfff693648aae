// The few functions of libuv that the addon calls, looked up in the running program: a host without them (Electron,
// Bun, Deno have had times with and times without) must still be able to load the addon.
#pragma once

#include <napi.h>

#include <cstdint>

namespace winsock_spi::addon {

enum class UvKind { tcp, udp, other };

struct UvSocket {
    bool found = false;
    UvKind kind = UvKind::other;
    bool open = false; // it has a SOCKET
    std::uint64_t socket = 0;
};

// The libuv handle of this environment's loop that `unref` lets go of and `ref` holds, which are the methods of one
// JavaScript object: exact, whatever the object is, without a look at addresses. It is left as it was. Throws
// ERR_RUNTIME_UNSUPPORTED where the host has no libuv.
UvSocket find_uv_socket(Napi::Env env, const Napi::Function& ref, const Napi::Function& unref);

} // namespace winsock_spi::addon
