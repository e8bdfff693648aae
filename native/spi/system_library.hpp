// A library of Windows itself, by full path: this often runs elevated, and the current folder may be anyone's.
#pragma once

#include "status.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

// `name` is a file of the system folder, e.g. L"ws2_32.dll".
Status load_system_library(const wchar_t* name, UniqueModule& library);

// A function of it.
template <typename Function>
Status find_function(const UniqueModule& library, Function& function, const char* name) {
    const FARPROC address = GetProcAddress(library.get(), name);
    if (address == nullptr) {
        return last_error("GetProcAddress", name);
    }
    function = reinterpret_cast<Function>(reinterpret_cast<void*>(address));
    return {};
}

} // namespace winsock_spi::spi
