// A layered IFS provider that tries every upcall, in WSPStartup and at its first socket, with right and wrong
// arguments, and reports what came back beside what Microsoft's pages say (upcall_checks.hpp).
// Its chains name hidden entries only; its table is a copy of the one below.
#include "copy_layer.hpp"
#include "identity.hpp"
#include "upcall_checks.hpp"

#include <atomic>

namespace {

using stranger::Call;
using stranger::count;

struct Trial {
    stranger::CopyLayer layer{stranger::upcalls_guid};
    stranger::UpcallChecks at_startup;
    stranger::UpcallChecks at_socket;
    std::atomic<bool> startup_tried{false};
    std::atomic<bool> socket_tried{false};
    WSPUPCALLTABLE upcalls{};
    DWORD non_ifs_id = 0;
};

Trial& trial() {
    static auto* const instance = new Trial;
    return *instance;
}

void try_at_startup(const WSPUPCALLTABLE& upcalls, const WSAPROTOCOL_INFOW& info) {
    stranger::Catalog catalog;
    stranger::read_catalog(catalog, WSCEnumProtocols);
    GUID base{};
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.ProtocolChain.ChainLen == BASE_PROTOCOL && entry.iAddressFamily == AF_INET) {
            base = entry.ProviderId;
        }
        if (entry.ProtocolChain.ChainLen == BASE_PROTOCOL &&
            IsEqualGUID(entry.ProviderId, stranger::entry_guid(stranger::upcalls_guid, 0xF0))) {
            trial().non_ifs_id = entry.dwCatalogEntryId;
        }
    }
    stranger::UpcallChecks& checks = trial().at_startup;
    stranger::check_events(checks, upcalls);
    stranger::check_provider_path(checks, upcalls, base, stranger::upcalls_guid);
    stranger::check_blocking_callback(checks, upcalls, info.dwCatalogEntryId);
    stranger::check_sets(checks, upcalls);
    stranger::check_messages(checks, upcalls);
    stranger::ThreadChecks in_thread{checks, upcalls};
    const HANDLE thread = CreateThread(nullptr, 0, stranger::check_threads, &in_thread, 0, nullptr);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    count(Call::WSPSocket);
    const SOCKET made = trial().layer.open(family, type, protocol, info, group, flags, error);
    if (made != INVALID_SOCKET && !trial().socket_tried.exchange(true)) {
        stranger::check_handles(trial().at_socket, trial().upcalls, made,
                                trial().layer.of(made)->standing.own.dwCatalogEntryId, trial().non_ifs_id);
        stranger::check_events(trial().at_socket, trial().upcalls);
        stranger::check_sets(trial().at_socket, trial().upcalls);
    }
    return made;
}

SOCKET WSPAPI accept_socket(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    count(Call::WSPAccept);
    return trial().layer.accept(socket, address, length, condition, data, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    count(Call::WSPCloseSocket);
    return trial().layer.close(socket, error);
}

int WSPAPI connect_socket(SOCKET socket, const sockaddr* name, int length, LPWSABUF caller, LPWSABUF callee,
                          LPQOS socket_qos, LPQOS group_qos, LPINT error) {
    count(Call::WSPConnect);
    return trial().layer.pass<&WSPPROC_TABLE::lpWSPConnect>(socket, name, length, caller, callee, socket_qos, group_qos,
                                                            error);
}

int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    count(Call::WSPGetSockOpt);
    return trial().layer.get_option(socket, level, option, value, length, error);
}

int WSPAPI duplicate_socket(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
    count(Call::WSPDuplicateSocket);
    return trial().layer.duplicate(socket, process, info, error);
}

int WSPAPI clean_up(LPINT error) {
    count(Call::WSPCleanup);
    return trial().layer.clean_up(error);
}

void append(std::string& text, const char* when, const stranger::UpcallChecks& checks) {
    for (const stranger::UpcallRow& row : checks.rows) {
        text += text.back() == '[' ? "[\"" : ",[\"";
        text += std::string(when) + "\",\"" + row.upcall + "\",\"" + row.arguments + "\",\"" + row.expected + "\",\"" +
                row.got + "\",\"" + row.quote + "\"]";
    }
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    count(Call::WSPStartup);
    if (LOBYTE(version) < 2) {
        return WSAVERNOTSUPPORTED;
    }
    const int error = trial().layer.start(*info, upcalls, *table);
    if (error != 0) {
        return error;
    }
    trial().upcalls = upcalls;
    if (!trial().startup_tried.exchange(true)) {
        try_at_startup(upcalls, *info);
    }
    table->lpWSPSocket = open_socket;
    table->lpWSPAccept = accept_socket;
    table->lpWSPCloseSocket = close_socket;
    table->lpWSPConnect = connect_socket;
    table->lpWSPGetSockOpt = get_option;
    table->lpWSPDuplicateSocket = duplicate_socket;
    table->lpWSPCleanup = clean_up;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_DETACH) {
        std::string rows = ",\"checks\":[";
        append(rows, "WSPStartup", trial().at_startup);
        append(rows, "WSPSocket", trial().at_socket);
        stranger::write_report("upcalls", (rows + "]").c_str());
    }
    return TRUE;
}
