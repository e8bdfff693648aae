// A layered IFS provider that lies, as its environment variable STRANGER_LIES tells it to: words with a number where
// one is meant, separated by spaces.
//   error=N        functions that fail say so with *lpErrno = N, whatever the reason was; 0: with none
//   success=N      functions that succeed write N to *lpErrno all the same
//   startup=N      WSPStartup fails with N, which may be SOCKET_ERROR or no error of Winsock at all
//   version=N      WSPStartup succeeds and says that it speaks version N (hexadecimal, as in WSPDATA)
//   cleanup=N      WSPCleanup takes N milliseconds
//   cleanup-fails  WSPCleanup does its work and returns SOCKET_ERROR without a reason
// Without it, it is honest.
#include "copy_layer.hpp"
#include "identity.hpp"

#include <cstdlib>
#include <string>

namespace {

using stranger::Call;
using stranger::count;

stranger::CopyLayer& layer() {
    static auto* const instance = new stranger::CopyLayer(stranger::liar_guid);
    return *instance;
}

struct Lie {
    bool told = false;
    int number = 0;
};

Lie find_lie(const char* name, int base = 10) {
    char text[256];
    const DWORD length = GetEnvironmentVariableA("STRANGER_LIES", text, sizeof text);
    if (length == 0 || length >= sizeof text) {
        return {};
    }
    const std::string words = " " + std::string(text) + " ";
    const std::size_t found = words.find(std::string(" ") + name);
    if (found == std::string::npos) {
        return {};
    }
    const std::size_t value = found + 1 + std::strlen(name);
    return {true, words[value] == ' ' ? 0 : static_cast<int>(std::strtol(words.c_str() + value, nullptr, base))};
}

// Read once: the functions below are called often.
const Lie& error_lie() {
    static const Lie lie = find_lie("error=");
    return lie;
}
const Lie& success_lie() {
    static const Lie lie = find_lie("success=");
    return lie;
}

template <typename Result>
Result lie_about(Result result, bool failed, LPINT error) {
    // WSAEWOULDBLOCK and WSA_IO_PENDING are no failures but the way things are done; to lie there breaks any program.
    if (failed && *error != WSAEWOULDBLOCK && *error != WSA_IO_PENDING && error_lie().told) {
        *error = error_lie().number;
    } else if (!failed && success_lie().told) {
        *error = success_lie().number;
    }
    return result;
}

int lie_about(int result, LPINT error) {
    return lie_about(result, result == SOCKET_ERROR, error);
}

SOCKET WSPAPI open_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags,
                          LPINT error) {
    count(Call::WSPSocket);
    const SOCKET made = layer().open(family, type, protocol, info, group, flags, error);
    return lie_about(made, made == INVALID_SOCKET, error);
}

SOCKET WSPAPI accept_socket(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data,
                            LPINT error) {
    count(Call::WSPAccept);
    const SOCKET made = layer().accept(socket, address, length, condition, data, error);
    return lie_about(made, made == INVALID_SOCKET, error);
}

int WSPAPI close_socket(SOCKET socket, LPINT error) {
    count(Call::WSPCloseSocket);
    return lie_about(layer().close(socket, error), error);
}

int WSPAPI connect_socket(SOCKET socket, const sockaddr* name, int length, LPWSABUF caller, LPWSABUF callee,
                          LPQOS socket_qos, LPQOS group_qos, LPINT error) {
    count(Call::WSPConnect);
    return lie_about(
        layer().pass<&WSPPROC_TABLE::lpWSPConnect>(socket, name, length, caller, callee, socket_qos, group_qos, error),
        error);
}

int WSPAPI bind_socket(SOCKET socket, const sockaddr* name, int length, LPINT error) {
    count(Call::WSPBind);
    return lie_about(layer().pass<&WSPPROC_TABLE::lpWSPBind>(socket, name, length, error), error);
}

int WSPAPI listen_socket(SOCKET socket, int backlog, LPINT error) {
    count(Call::WSPListen);
    return lie_about(layer().pass<&WSPPROC_TABLE::lpWSPListen>(socket, backlog, error), error);
}

int WSPAPI shut_down(SOCKET socket, int how, LPINT error) {
    count(Call::WSPShutdown);
    return lie_about(layer().pass<&WSPPROC_TABLE::lpWSPShutdown>(socket, how, error), error);
}

int WSPAPI get_option(SOCKET socket, int level, int option, char* value, LPINT length, LPINT error) {
    count(Call::WSPGetSockOpt);
    return lie_about(layer().get_option(socket, level, option, value, length, error), error);
}

int WSPAPI duplicate_socket(SOCKET socket, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT error) {
    count(Call::WSPDuplicateSocket);
    return lie_about(layer().duplicate(socket, process, info, error), error);
}

int WSPAPI clean_up(LPINT error) {
    count(Call::WSPCleanup);
    const int result = layer().clean_up(error);
    if (const Lie lie = find_lie("cleanup="); lie.told) {
        Sleep(static_cast<DWORD>(lie.number));
    }
    if (find_lie("cleanup-fails").told) {
        *error = 0;
        return SOCKET_ERROR;
    }
    return result;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    count(Call::WSPStartup);
    if (const Lie lie = find_lie("startup="); lie.told) {
        return lie.number;
    }
    if (LOBYTE(version) < 2) {
        return WSAVERNOTSUPPORTED;
    }
    const int error = layer().start(*info, upcalls, *table);
    if (error != 0) {
        return error;
    }
    table->lpWSPSocket = open_socket;
    table->lpWSPAccept = accept_socket;
    table->lpWSPCloseSocket = close_socket;
    table->lpWSPConnect = connect_socket;
    table->lpWSPBind = bind_socket;
    table->lpWSPListen = listen_socket;
    table->lpWSPShutdown = shut_down;
    table->lpWSPGetSockOpt = get_option;
    table->lpWSPDuplicateSocket = duplicate_socket;
    table->lpWSPCleanup = clean_up;
    const Lie lie = find_lie("version=", 16);
    data->wVersion = lie.told ? static_cast<WORD>(lie.number) : MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_DETACH) {
        stranger::write_report("liar");
    }
    return TRUE;
}
