// The parts of the addon. Each adds its functions to the module's exports; module.cpp calls them in this order.
// A new part is one declaration and one line in the list.
#pragma once

#include <napi.h>

namespace winsock_spi::addon {

void init_catalog(Napi::Env env, Napi::Object exports);
void init_categories(Napi::Env env, Napi::Object exports);
void init_catalog_watch(Napi::Env env, Napi::Object exports);
void init_executor(Napi::Env env, Napi::Object exports);
void init_inspect(Napi::Env env, Napi::Object exports);
void init_peer(Napi::Env env, Napi::Object exports);
void init_pipe(Napi::Env env, Napi::Object exports);
void init_policy(Napi::Env env, Napi::Object exports);
void init_program(Napi::Env env, Napi::Object exports);
void init_proof(Napi::Env env, Napi::Object exports);
void init_tcp_owner(Napi::Env env, Napi::Object exports);
void init_socket_owners(Napi::Env env, Napi::Object exports);
void init_sockets(Napi::Env env, Napi::Object exports);
void init_readiness(Napi::Env env, Napi::Object exports);
void init_transports(Napi::Env env, Napi::Object exports);
void init_watch(Napi::Env env, Napi::Object exports);

using InitPart = void (*)(Napi::Env env, Napi::Object exports);

// clang-format off
inline constexpr InitPart parts[] = {
    init_catalog,
    init_categories,
    init_catalog_watch,
    init_executor,
    init_inspect,
    init_peer,
    init_pipe,
    init_policy,
    init_program,
    init_proof,
    init_tcp_owner,
    init_socket_owners,
    init_sockets,
    init_readiness,
    init_transports,
    init_watch,
};
// clang-format on

} // namespace winsock_spi::addon
