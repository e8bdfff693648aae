// Loading and unloading of this DLL.
#include <new>

#include "host.hpp"

namespace winsock_spi::wine {

namespace {

constinit Host* instance = nullptr;

} // namespace

Host& host() noexcept {
    return *instance;
}

} // namespace winsock_spi::wine

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID process_ends) {
    using namespace winsock_spi::wine;
    switch (reason) {
    case DLL_PROCESS_ATTACH: instance = new (std::nothrow) Host; return instance != nullptr;
    case DLL_THREAD_DETACH: instance->threads.forget_current(); break;
    case DLL_PROCESS_DETACH:
        if (process_ends == nullptr) {
            delete instance;
            instance = nullptr;
        }
        break;
    default: break;
    }
    return TRUE;
}
