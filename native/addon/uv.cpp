#include "uv.hpp"

#include "spi/win32.hpp"
#include "values.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace winsock_spi::addon {
namespace {

// libuv's opaque types: only pointers to them pass through here.
struct UvLoop;
struct UvHandle;

// uv_handle_type, part of libuv's binary interface since 1.0.
constexpr int uv_tcp = 12;
constexpr int uv_udp = 15;

struct UvApi {
    napi_status(NAPI_CDECL* get_loop)(napi_env, UvLoop**) = nullptr;
    void (*walk)(UvLoop*, void (*)(UvHandle*, void*), void*) = nullptr;
    int (*has_ref)(const UvHandle*) = nullptr;
    int (*get_type)(const UvHandle*) = nullptr;
    int (*get_fileno)(const UvHandle*, HANDLE*) = nullptr;
    const char* missing = nullptr;
};

template <typename Function>
void find(UvApi& api, Function& function, const char* name) {
    function = reinterpret_cast<Function>(reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(nullptr), name)));
    if (function == nullptr && api.missing == nullptr) {
        api.missing = name;
    }
}

const UvApi& uv_api() {
    static const UvApi api = [] {
        UvApi found;
        find(found, found.get_loop, "napi_get_uv_event_loop");
        find(found, found.walk, "uv_walk");
        find(found, found.has_ref, "uv_has_ref");
        find(found, found.get_type, "uv_handle_get_type");
        find(found, found.get_fileno, "uv_fileno");
        return found;
    }();
    return api;
}

spi::Status unsupported(const std::string& what) {
    return spi::own_error("ERR_RUNTIME_UNSUPPORTED",
                          "This program gives no way from its sockets to the system's: " + what +
                              ". Node.js does; in others use a RawSocket or the number of a SOCKET.");
}

using References = std::vector<std::pair<const UvHandle*, bool>>; // in the loop's own order

References references(const UvApi& api, UvLoop* loop) {
    struct Walk {
        const UvApi& api;
        References seen;
    } walk{api, {}};
    api.walk(
        loop,
        [](UvHandle* handle, void* data) {
            Walk& state = *static_cast<Walk*>(data);
            state.seen.emplace_back(handle, state.api.has_ref(handle) != 0);
        },
        &walk);
    return std::move(walk.seen);
}

// The handle whose reference is not what it was. Nothing but a reference changes between two walks.
const UvHandle* changed(const References& before, const References& after) {
    const auto [old, now] = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
    return now != after.end() && old != before.end() && old->first == now->first ? now->first : nullptr;
}

} // namespace

UvSocket find_uv_socket(Napi::Env env, const Napi::Function& ref, const Napi::Function& unref) {
    const UvApi& api = uv_api();
    if (api.missing != nullptr) {
        throw make_error(env, unsupported(std::string("it exports no ") + api.missing));
    }
    UvLoop* loop = nullptr;
    if (api.get_loop(env, &loop) != napi_ok || loop == nullptr) {
        throw make_error(env, unsupported("it runs no loop of libuv"));
    }
    const References first = references(api, loop);
    unref.Call({});
    const References released = references(api, loop);
    const UvHandle* handle = changed(first, released);
    ref.Call({});
    if (handle == nullptr) { // it may have been released before
        handle = changed(released, references(api, loop));
        unref.Call({});
    }
    UvSocket result;
    if (handle == nullptr) {
        return result;
    }
    result.found = true;
    const int type = api.get_type(handle);
    result.kind = type == uv_tcp ? UvKind::tcp : type == uv_udp ? UvKind::udp : UvKind::other;
    HANDLE value = INVALID_HANDLE_VALUE;
    if (result.kind != UvKind::other && api.get_fileno(handle, &value) == 0 && value != INVALID_HANDLE_VALUE) {
        result.open = true;
        result.socket = reinterpret_cast<std::uintptr_t>(value);
    }
    return result;
}

} // namespace winsock_spi::addon
