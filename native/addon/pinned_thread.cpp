#include "pinned_thread.hpp"

#include <memory>

#include "spi/unique.hpp"

namespace winsock_spi::addon {
namespace {

struct Start {
    std::function<void()> work;
    HMODULE module;
};

DWORD WINAPI thread_main(void* argument) {
    HMODULE module = nullptr;
    {
        const std::unique_ptr<Start> start(static_cast<Start*>(argument));
        module = start->module;
        start->work();
    }
    // Frees the module and ends the thread in one call: there must be no way back into code that is gone.
    FreeLibraryAndExitThread(module, 0);
}

} // namespace

spi::Status run_pinned(std::function<void()> work) {
    auto start = std::make_unique<Start>();
    start->work = std::move(work);
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, reinterpret_cast<const wchar_t*>(&thread_main),
                            &start->module)) {
        return spi::last_error("GetModuleHandleExW");
    }
    const spi::UniqueHandle thread(CreateThread(nullptr, 0, thread_main, start.get(), 0, nullptr));
    if (!thread) {
        spi::Status status = spi::last_error("CreateThread");
        FreeLibrary(start->module);
        return status;
    }
    start.release(); // the thread's now
    return {};
}

} // namespace winsock_spi::addon
