// Loading Wine's own ws2_32.dll.
#include "wine_dll.hpp"

#include <cwchar>
#include <iterator>

extern "C" {
NTSYSAPI LONG NTAPI LdrLockLoaderLock(ULONG flags, ULONG* result, ULONG_PTR* magic);
NTSYSAPI LONG NTAPI LdrUnlockLoaderLock(ULONG flags, ULONG_PTR magic);
}

namespace winsock_spi::wine {

namespace {

constexpr wchar_t relative_path[] = L"\\winsock-wine\\ws2_32.dll";

constinit std::atomic<HMODULE> loaded{nullptr};

// Keeps the program from meeting Wine's DLL. Two modules have the name ws2_32.dll, and Wine's loader answers a look-up
// by name with the module it used last, if that has the name. So as long as Wine's DLL is worked with, nobody else
// may ask, and afterwards the loader must have used another module.
class HiddenFromLoader {
public:
    HiddenFromLoader() noexcept { LdrLockLoaderLock(0, nullptr, &magic_); }
    ~HiddenFromLoader() {
        GetModuleHandleW(L"ntdll.dll");
        LdrUnlockLoaderLock(0, magic_);
    }
    HiddenFromLoader(const HiddenFromLoader&) = delete;
    HiddenFromLoader& operator=(const HiddenFromLoader&) = delete;

private:
    ULONG_PTR magic_ = 0;
};

} // namespace

HMODULE wine_module() noexcept {
    HMODULE module = loaded.load(std::memory_order_acquire);
    if (module != nullptr) {
        return module;
    }
    const HiddenFromLoader hidden;
    wchar_t path[MAX_PATH];
    const UINT length = GetSystemDirectoryW(path, MAX_PATH);
    if (length == 0 || length + std::size(relative_path) > MAX_PATH) {
        return nullptr;
    }
    std::wmemcpy(path + length, relative_path, std::size(relative_path));
    // By full path: the plain name is the DLL that took Wine's place.
    module = LoadLibraryW(path);
    if (module == nullptr) {
        return nullptr;
    }
    HMODULE expected = nullptr;
    if (!loaded.compare_exchange_strong(expected, module, std::memory_order_acq_rel)) {
        FreeLibrary(module); // another thread was first: one reference is enough
    }
    return module;
}

FARPROC WineFunction::look_up() noexcept {
    const HMODULE module = wine_module();
    if (module == nullptr) {
        return nullptr;
    }
    const HiddenFromLoader hidden;
    const FARPROC address = GetProcAddress(module, name_);
    address_.store(address, std::memory_order_release);
    return address;
}

} // namespace winsock_spi::wine
