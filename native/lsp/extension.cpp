// Extension functions: which lower provider a call belongs to; see extension.hpp.
#include "extension.hpp"

#include <bit>

#include "functions.hpp"
#include "process.hpp"
#include "spi/guarded.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::array<GUID, extension_count> extension_guids{{
#define WINSOCK_SPI_GUID(name, guid, pointer, failure) GUID guid,
    WINSOCK_SPI_EXTENSIONS(WINSOCK_SPI_GUID)
#undef WINSOCK_SPI_GUID
}};

bool equal(const GUID& a, const GUID& b) {
    return std::bit_cast<core::Guid>(a) == std::bit_cast<core::Guid>(b);
}

// Asks the lower provider of a chain whose own program never asked for this function.
FARPROC fetch(Slot& slot, std::size_t extension, SOCKET socket) {
    const spi::LastErrorKeeper keeper;
    GUID guid = extension_guids[extension];
    FARPROC function = nullptr;
    DWORD bytes = 0;
    int error = 0;
    if (slot.lower.lpWSPIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), &function,
                              sizeof(function), &bytes, nullptr, nullptr, nullptr, &error) != 0) {
        return nullptr;
    }
    slot.extensions[extension].store(function, std::memory_order_release);
    return function;
}

} // namespace

ExtensionTarget find_extension(const Slot& wrapper_slot, std::size_t extension, SOCKET socket) {
    const core::HandleTable::Socket known = process.sockets.find(socket);
    if (known && known.slot() != wrapper_slot.index) {
        Slot& slot = process.slots[known.slot()];
        FARPROC function = slot.extensions[extension].load(std::memory_order_acquire);
        function = function == nullptr ? fetch(slot, extension, socket) : function;
        if (function != nullptr) {
            return {slot, function};
        }
    }
    return {wrapper_slot, wrapper_slot.extensions[extension].load(std::memory_order_acquire)};
}

void wrap_extension(Slot& slot, const GUID& wanted, void* pointer_in_callers_memory) {
    for (std::size_t extension = 0; extension < extension_count; ++extension) {
        FARPROC lower = nullptr;
        if (!equal(wanted, extension_guids[extension])) {
            continue;
        }
        if (spi::guarded_read(lower, pointer_in_callers_memory) && lower != nullptr) {
            slot.extensions[extension].store(lower, std::memory_order_release);
            spi::guarded_write(pointer_in_callers_memory, extension_wrapper(slot, extension));
        }
        return;
    }
}

} // namespace winsock_spi::lsp
