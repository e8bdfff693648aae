// Trying out a provider before it is installed.
#include "install_check.hpp"

#include <mswsock.h> // leans on winsock2.h

#include <iterator>

#include "host.hpp"
#include "provider.hpp"

namespace winsock_spi::wine {

namespace {

constexpr GUID stream_functions[] = {WSAID_ACCEPTEX, WSAID_CONNECTEX, WSAID_DISCONNECTEX, WSAID_TRANSMITFILE,
                                     WSAID_TRANSMITPACKETS};
constexpr GUID datagram_functions[] = {WSAID_WSARECVMSG};

bool has_function(const Provider& provider, SOCKET socket, GUID function) noexcept {
    void* address = nullptr;
    DWORD returned = 0;
    int error = 0;
    return provider.table().lpWSPIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &function, sizeof(function),
                                       &address, sizeof(address), &returned, nullptr, nullptr, nullptr, &error) == 0 &&
           address != nullptr;
}

// A provider without IFS handles must bring the extension functions itself: those of the provider below do not know
// its handles.
bool has_extension_functions(const Provider& provider, const CatalogEntry& entry) noexcept {
    const bool stream = entry.info.iSocketType == SOCK_STREAM;
    if (!stream && entry.info.iSocketType != SOCK_DGRAM) {
        return true;
    }
    WSAPROTOCOL_INFOW info = entry.info;
    int error = 0;
    const SOCKET socket = provider.table().lpWSPSocket(info.iAddressFamily, info.iSocketType, info.iProtocol, &info, 0,
                                                       WSA_FLAG_OVERLAPPED, &error);
    if (socket == INVALID_SOCKET) {
        return false;
    }
    bool all = true;
    if (stream) {
        for (const GUID& function : stream_functions) {
            all = all && has_function(provider, socket, function);
        }
    } else {
        for (const GUID& function : datagram_functions) {
            all = all && has_function(provider, socket, function);
        }
    }
    provider.table().lpWSPCloseSocket(socket, &error);
    return all;
}

// For the sockets above, Winsock must be running.
class Started {
public:
    Started() noexcept { good_ = ::WSAStartup(MAKEWORD(2, 2), &data_) == 0; }
    ~Started() {
        if (good_) {
            ::WSACleanup();
        }
    }
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;
    explicit operator bool() const noexcept { return good_; }

private:
    WSADATA data_;
    bool good_;
};

} // namespace

int check_provider_file(const std::wstring& path, Bitness bitness) noexcept {
    const spi::UniqueFile file(CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                           OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        return WSAEINVAL;
    }
    IMAGE_DOS_HEADER dos{};
    struct {
        DWORD signature;
        IMAGE_FILE_HEADER file;
    } nt{};
    DWORD read = 0;
    const bool whole = ReadFile(file.get(), &dos, sizeof(dos), &read, nullptr) && read == sizeof(dos) &&
                       dos.e_magic == IMAGE_DOS_SIGNATURE &&
                       SetFilePointer(file.get(), dos.e_lfanew, nullptr, FILE_BEGIN) != INVALID_SET_FILE_POINTER &&
                       ReadFile(file.get(), &nt, sizeof(nt), &read, nullptr) && read == sizeof(nt) &&
                       nt.signature == IMAGE_NT_SIGNATURE;
    const WORD machine = bitness == Bitness::bits64 ? IMAGE_FILE_MACHINE_AMD64 : IMAGE_FILE_MACHINE_I386;
    return whole && nt.file.Machine == machine && (nt.file.Characteristics & IMAGE_FILE_DLL) != 0
               ? 0
               : WSAEINVALIDPROCTABLE;
}

int try_provider(const std::shared_ptr<const Catalog>& catalog, DWORD hidden_id) noexcept {
    const Started started;
    if (!started) {
        return WSASYSCALLFAILURE;
    }
    const CatalogPreview preview(catalog);
    for (const CatalogEntry& entry : catalog->entries()) {
        if (entry.info.ProtocolChain.ChainLen <= BASE_PROTOCOL ||
            entry.info.ProtocolChain.ChainEntries[0] != hidden_id) {
            continue;
        }
        std::shared_ptr<const Provider> provider;
        const int error = Provider::load(entry, provider);
        if (error == WSA_NOT_ENOUGH_MEMORY) {
            return error;
        }
        if (error != 0 || (!entry.ifs() && !has_extension_functions(*provider, entry))) {
            return WSAEINVALIDPROCTABLE;
        }
    }
    return 0;
}

} // namespace winsock_spi::wine
