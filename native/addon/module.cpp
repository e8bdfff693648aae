// winsock_spi.node: the Node-API bridge. It converts values between JavaScript and native/spi, and decides nothing.
// lib/native.ts documents every function.
#include "parts.hpp"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
    for (const auto part : winsock_spi::addon::parts) {
        part(env, exports);
    }
    return exports;
}

} // namespace

NODE_API_MODULE(winsock_spi, init)
