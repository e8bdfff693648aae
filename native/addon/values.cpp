#include "values.hpp"

#include <cstring>

namespace winsock_spi::addon {

static_assert(sizeof(wchar_t) == sizeof(char16_t));

Napi::Error make_error(Napi::Env env, const spi::Status& status) {
    Napi::Error error = Napi::Error::New(env, status.message);
    error.Set("code", Napi::String::New(env, status.code()));
    error.Set("errno", Napi::Number::New(env, status.number));
    error.Set("syscall", Napi::String::New(env, status.syscall));
    return error;
}

void check(Napi::Env env, const spi::Status& status) {
    if (!status.ok()) {
        throw make_error(env, status);
    }
}

Napi::String to_string(Napi::Env env, std::wstring_view text) {
    return Napi::String::New(env, reinterpret_cast<const char16_t*>(text.data()), text.size());
}

std::wstring string_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name) {
    if (index >= info.Length() || !info[index].IsString()) {
        throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a string");
    }
    const std::u16string text = info[index].As<Napi::String>().Utf16Value();
    return {reinterpret_cast<const wchar_t*>(text.data()), text.size()};
}

Napi::Uint8Array to_bytes(Napi::Env env, std::span<const std::uint8_t> bytes) {
    Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
    if (!bytes.empty()) {
        std::memcpy(array.Data(), bytes.data(), bytes.size());
    }
    return array;
}

std::uint32_t number_value(Napi::Env env, const Napi::Value& value, const char* name, double most) {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number <= most)) {
        throw Napi::TypeError::New(env, std::string(name) + " must be a number from 0 to " +
                                            std::to_string(static_cast<std::uint64_t>(most)));
    }
    return static_cast<std::uint32_t>(number);
}

std::uint32_t number_argument(const Napi::CallbackInfo& info, std::size_t index, const char* name, double most) {
    return number_value(info.Env(), info[index], name, most); // undefined where there is no such argument
}

int bits_argument(const Napi::CallbackInfo& info, std::size_t index) {
    const double bits =
        index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : 0;
    if (bits != 32 && bits != 64) {
        throw Napi::TypeError::New(info.Env(), "bits must be 32 or 64");
    }
    return static_cast<int>(bits);
}

} // namespace winsock_spi::addon
