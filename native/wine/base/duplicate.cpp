// WSPDuplicateSocket, and WSPSocket's part of it. As on Windows, the socket is duplicated into the target at once, by
// an inheritable handle, and what the program carries there is the catalog entry with that handle in
// dwProviderReserved, good for one use. The source may end before the socket is taken; who has the number and
// PROCESS_DUP_HANDLE to the target may take it back.
#include "base.hpp" // before other headers that bring Winsock's

#include "../../spi/unique.hpp"
#include "entries.hpp"
#include "known_sockets.hpp"

namespace winsock_spi::wine::base {

namespace {

// Handles of 64-bit processes fit 32 bits too: 32- and 64-bit processes exchange sockets.
int duplicate_into(DWORD process_id, SOCKET handle, DWORD& remote_handle) noexcept {
    const spi::UniqueHandle process(OpenProcess(PROCESS_DUP_HANDLE, FALSE, process_id));
    if (!process) {
        return WSAEINVAL;
    }
    HANDLE remote = nullptr;
    if (!DuplicateHandle(GetCurrentProcess(), reinterpret_cast<HANDLE>(handle), process.get(), &remote, 0, TRUE,
                         DUPLICATE_SAME_ACCESS)) {
        return WSAEMFILE;
    }
    remote_handle = static_cast<DWORD>(reinterpret_cast<ULONG_PTR>(remote));
    return 0;
}

} // namespace

int WSPAPI duplicate_socket(SOCKET handle, DWORD process_id, LPWSAPROTOCOL_INFOW info, LPINT error) {
    WSAPROTOCOL_INFOW entry;
    int failure = entry_of_socket(handle, entry);
    if (failure == 0 && info == nullptr) {
        failure = process_id == 0 ? WSAEINVAL : WSAEFAULT;
    }
    if (failure == 0) {
        failure = duplicate_into(process_id, handle, entry.dwProviderReserved);
    }
    if (failure != 0) {
        return fail(error, failure);
    }
    *info = entry;
    return 0;
}

// A handle that is a socket of this process already has been taken before, or is none that was sent.
int take_duplicate(DWORD remote_handle, SOCKET& handle) noexcept {
    handle = remote_handle;
    WSAPROTOCOL_INFOW entry;
    return !is_known(handle) && entry_of_socket(handle, entry) == 0 ? 0 : WSAEINVAL;
}

} // namespace winsock_spi::wine::base
