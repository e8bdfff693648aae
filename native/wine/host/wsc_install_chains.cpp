// WSCInstallProviderAndChains and WSCInstallProviderAndChains64_32: a layered provider with its hidden entry and all
// its chains in one call. Nothing is written before the provider's DLL has been tried.
#include <array>
#include <limits>

#include "../../spi/unique.hpp"
#include "chain_plan.hpp"
#include "install_check.hpp"
#include "wsc_arguments.hpp"

extern "C" DECLSPEC_IMPORT BOOLEAN APIENTRY SystemFunction036(PVOID buffer, ULONG size); // RtlGenRandom

namespace winsock_spi::wine {

namespace {

// One installation at a time on the machine: as long as this object exists, one is in progress. It goes with its
// process, whatever becomes of that.
constexpr wchar_t progress_name[] = L"Global\\WinSock2-WSCInstallProviderAndChains";

// Chains of other writers may come between planning and writing; then it is planned again.
constexpr int attempts = 20;

struct Side {
    Bitness bitness;
    NewLayer layer;
};

class Installation {
public:
    explicit Installation(std::vector<Side> sides) : sides_(std::move(sides)) {}

    int run(DWORD& hidden_id) {
        int error = check_files();
        for (int attempt = 0; error == 0 && attempt < attempts; ++attempt) {
            Items native;
            std::uint32_t planned = 0;
            error = plan(native, planned, nullptr);
            if (error == 0) {
                error = try_provider(Catalog::of(native_bitness, planned, native, {}), hidden_ids_[0]);
            }
            bool written = false;
            if (error == 0) {
                error = plan(native, planned, &written);
            }
            if (error == 0 && written) {
                hidden_id = hidden_ids_[0];
                return 0;
            }
        }
        return error != 0 ? error : WSANO_RECOVERY;
    }

private:
    int check_files() const {
        for (const Side& side : sides_) {
            const std::string& path = side.layer.path;
            std::wstring wide(MAX_PATH, L'\0');
            const int units = MultiByteToWideChar(CP_ACP, 0, path.c_str(), -1, wide.data(), MAX_PATH);
            wide.resize(units > 0 ? static_cast<std::size_t>(units) - 1 : 0);
            const int error = check_provider_file(expand_provider_path(wide, side.bitness), side.bitness);
            if (error != 0) {
                return error;
            }
        }
        return 0;
    }

    // Plans all sides over the catalog of this moment. Without `written` nothing is written, and `native` and `serial`
    // say what was planned; with it the plan is written if the serial number is still that one.
    int plan(Items& native, std::uint32_t& serial, bool* written) {
        CatalogTransaction transaction;
        int error = transaction.begin();
        if (error == 0 && written != nullptr && transaction.serial() != serial) {
            return 0;
        }
        serial = transaction.serial();
        for (std::size_t index = 0; error == 0 && index < sides_.size(); ++index) {
            Items* items = nullptr;
            error = transaction.load(sides_[index].bitness, items);
            const NewEntries entries{
                [&] { return transaction.take_id(); },
                [&](std::size_t chain, core::Guid& guid) { return guid_of(index, chain, guid); },
            };
            if (error == 0) {
                error = add_layer(sides_[index].layer, entries, *items, hidden_ids_[index]);
            }
            if (error == 0 && sides_[index].bitness == native_bitness) {
                native = *items;
            }
        }
        if (error == 0 && written != nullptr) {
            error = transaction.commit();
            *written = error == 0;
        }
        return error;
    }

    // Each chain's GUID is made once, so that both plannings give the same entries.
    int guid_of(std::size_t side, std::size_t chain, core::Guid& guid) {
        std::vector<core::Guid>& guids = guids_[side];
        while (guids.size() <= chain) {
            core::Guid made;
            if (!SystemFunction036(&made, sizeof(made))) {
                return WSASYSCALLFAILURE;
            }
            made.data3 = static_cast<std::uint16_t>((made.data3 & 0x0FFF) | 0x4000); // version 4: random
            made.data4[0] = static_cast<std::uint8_t>((made.data4[0] & 0x3F) | 0x80);
            guids.push_back(made);
        }
        guid = guids[chain];
        return 0;
    }

    std::vector<Side> sides_;
    std::array<std::uint32_t, 2> hidden_ids_{};
    std::array<std::vector<core::Guid>, 2> guids_;
};

struct Request {
    const GUID* provider_id;
    const WCHAR* name;
    DWORD service_flags;
    const WSAPROTOCOL_INFOW* infos;
    DWORD count;
    LPDWORD hidden_id;
};

int read_string(const WCHAR* text, std::size_t limit) {
    if (text == nullptr) {
        return WSAEINVAL;
    }
    if (!readable_string(text, limit)) {
        return WSAEFAULT;
    }
    const std::size_t length = wcsnlen(text, limit + 1);
    return length == 0 || length > limit ? WSAEINVAL : 0;
}

int read_request(const Request& request, NewLayer& layer) {
    if (request.provider_id == nullptr) {
        return WSAEINVAL; // so the page says, for this one
    }
    if (!readable(request.provider_id, sizeof(GUID)) ||
        (request.hidden_id != nullptr && !writable(request.hidden_id, sizeof(DWORD)))) {
        return WSAEFAULT;
    }
    const int error = read_string(request.name, WSAPROTOCOL_LEN);
    if (error != 0) {
        return error;
    }
    layer.provider_id = to_core(*request.provider_id);
    layer.name = request.name;
    layer.service_flags = request.service_flags;
    if (request.infos == nullptr) {
        return 0;
    }
    if (request.count == 0) {
        return WSAEINVAL;
    }
    if (request.count > std::numeric_limits<std::size_t>::max() / sizeof(WSAPROTOCOL_INFOW) ||
        !readable(request.infos, request.count * sizeof(WSAPROTOCOL_INFOW))) {
        return WSAEFAULT;
    }
    layer.triplets.emplace();
    for (DWORD index = 0; index < request.count; ++index) {
        const WSAPROTOCOL_INFOW& info = request.infos[index];
        layer.triplets->push_back({info.iAddressFamily, info.iSocketType, info.iProtocol});
    }
    return 0;
}

int read_path(const WCHAR* path, std::string& result) {
    const int error = read_string(path, MAX_PATH - 1);
    return error != 0 ? error : to_ansi_path(path, result);
}

int install(const Request& request, std::vector<Side> sides) {
    const spi::UniqueHandle progress(CreateMutexW(nullptr, FALSE, progress_name));
    if (!progress) {
        return GetLastError() == ERROR_ACCESS_DENIED ? WSAEINPROGRESS : WSASYSCALLFAILURE;
    }
    if (GetLastError() == ERROR_ALREADY_EXISTS) {
        return WSAEINPROGRESS;
    }
    DWORD hidden_id = 0;
    const int error = Installation(std::move(sides)).run(hidden_id);
    if (error == 0 && request.hidden_id != nullptr) {
        *request.hidden_id = hidden_id;
    }
    return error;
}

int install_native(const Request& request, const WCHAR* path) {
    Side side{native_bitness, {}};
    int error = read_request(request, side.layer);
    if (error == 0) {
        error = read_path(path, side.layer.path);
    }
    return error != 0 ? error : install(request, {side});
}

#ifdef _WIN64
// In one call for both bitnesses a path without a 32-bit twin must be in the system folder, whose name means the folder
// of its own kind to each.
bool in_system_folder(const WCHAR* path) {
    const std::wstring expanded = expand_provider_path(path, native_bitness);
    wchar_t folder[MAX_PATH];
    const UINT length = GetSystemDirectoryW(folder, MAX_PATH);
    const std::size_t slash = expanded.find_last_of(L'\\');
    return length != 0 && length < MAX_PATH && slash == length && slash + 1 < expanded.size() &&
           _wcsnicmp(expanded.c_str(), folder, length) == 0;
}

int install_both(const Request& request, const WCHAR* path, const WCHAR* path32) {
    Side side64{Bitness::bits64, {}};
    int error = read_request(request, side64.layer);
    if (error == 0) {
        error = read_path(path, side64.layer.path);
    }
    if (error != 0) {
        return error;
    }
    Side side32{Bitness::bits32, side64.layer};
    if (path32 != nullptr) {
        error = read_path(path32, side32.layer.path);
    } else if (!in_system_folder(path)) {
        error = WSAEINVAL;
    }
    return error != 0 ? error : install(request, {side64, side32});
}
#endif

} // namespace

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" {

// Installs in the catalog of this DLL's own bitness.
int WSPAPI WSCInstallProviderAndChains(const LPGUID provider_id, const LPWSTR path, const LPWSTR name,
                                       DWORD service_flags, const LPWSAPROTOCOL_INFOW infos, DWORD count,
                                       LPDWORD hidden_id, LPINT error) {
    return with_errno(
        error, [&] { return install_native({provider_id, name, service_flags, infos, count, hidden_id}, path); });
}

#ifdef _WIN64
int WSPAPI WSCInstallProviderAndChains64_32(const LPGUID provider_id, const LPWSTR path, const LPWSTR path32,
                                            const LPWSTR name, DWORD service_flags, const LPWSAPROTOCOL_INFOW infos,
                                            DWORD count, LPDWORD hidden_id, LPINT error) {
    return with_errno(
        error, [&] { return install_both({provider_id, name, service_flags, infos, count, hidden_id}, path, path32); });
}
#endif

} // extern "C"
