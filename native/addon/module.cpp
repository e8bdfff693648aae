// winsock_spi.node: the Node-API bridge. It converts values between JavaScript and native/spi, and decides nothing.
// lib/native.ts documents every function.
//
// No object is wrapped (napi_wrap), and no function takes its `this` for anything: what an object stands for is owned
// by the closures that are its methods. A method called on another object therefore does what it always does, and there
// is no pointer that a wrong object could be taken for. Whoever wraps one tags it, and checks the tag before the
// unwrap.
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
