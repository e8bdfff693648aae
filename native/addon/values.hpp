// Values that cross the bridge: errors, text, bytes, and checked arguments.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "spi/status.hpp"

namespace winsock_spi::addon {

// An Error with code, errno and syscall, as Node's own system errors have them.
Napi::Error make_error(Napi::Env env, const spi::Status& status);

// Throws the status if it is an error.
void check(Napi::Env env, const spi::Status& status);

// UTF-16 both ways, without a detour over UTF-8: names may hold unpaired surrogates.
Napi::String to_string(Napi::Env env, std::wstring_view text);
std::wstring string_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name);

// A copy of the bytes in a new Uint8Array.
Napi::Uint8Array to_bytes(Napi::Env env, std::span<const std::uint8_t> bytes);

// A number from 0 to `most`, cut to a whole one.
std::uint32_t number_value(Napi::Env env, const Napi::Value& value, const char* name, double most);
std::uint32_t number_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name,
                              double most = 0xFFFF'FFFF);

inline Napi::BigInt to_bigint(Napi::Env env, std::uint64_t value) {
    return Napi::BigInt::New(env, value);
}

// A function of an object that goes to JavaScript: of the module's exports, or a method.
template <typename Body>
void set_function(Napi::Object object, const char* name, Body body) {
    object.Set(name, Napi::Function::New(object.Env(), std::move(body), name));
}

// 32 or 64.
int bits_argument(const Napi::CallbackInfo& info, std::size_t index);

} // namespace winsock_spi::addon
