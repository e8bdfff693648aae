// A broken provider for the tests: it starts as it should, and then every call fails, on every socket and without one.
#include <winsock2.h>
#include <ws2spi.h>

#include <tuple>

namespace {

// A function of the type that fails with `Result` and WSAENETDOWN; where the reason goes is the last argument of each.
template <typename Function, auto Result>
struct Failing;

template <typename Answer, typename... Arguments, auto Result>
struct Failing<Answer(WSPAPI*)(Arguments...), Result> {
    static Answer WSPAPI call(Arguments... arguments) {
        *std::get<sizeof...(Arguments) - 1>(std::tie(arguments...)) = WSAENETDOWN;
        return static_cast<Answer>(Result);
    }
};

template <auto Result, typename Function>
void fail(Function& function) {
    function = Failing<Function, Result>::call;
}

int WSPAPI clean_up(LPINT) {
    return 0;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW, WSPUPCALLTABLE, LPWSPPROC_TABLE table) {
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    fail<INVALID_SOCKET>(table->lpWSPAccept);
    fail<INVALID_SOCKET>(table->lpWSPJoinLeaf);
    fail<INVALID_SOCKET>(table->lpWSPSocket);
    fail<FALSE>(table->lpWSPGetOverlappedResult);
    fail<FALSE>(table->lpWSPGetQOSByName);
    fail<SOCKET_ERROR>(table->lpWSPAddressToString);
    fail<SOCKET_ERROR>(table->lpWSPAsyncSelect);
    fail<SOCKET_ERROR>(table->lpWSPBind);
    fail<SOCKET_ERROR>(table->lpWSPCancelBlockingCall);
    fail<SOCKET_ERROR>(table->lpWSPCloseSocket);
    fail<SOCKET_ERROR>(table->lpWSPConnect);
    fail<SOCKET_ERROR>(table->lpWSPDuplicateSocket);
    fail<SOCKET_ERROR>(table->lpWSPEnumNetworkEvents);
    fail<SOCKET_ERROR>(table->lpWSPEventSelect);
    fail<SOCKET_ERROR>(table->lpWSPGetPeerName);
    fail<SOCKET_ERROR>(table->lpWSPGetSockName);
    fail<SOCKET_ERROR>(table->lpWSPGetSockOpt);
    fail<SOCKET_ERROR>(table->lpWSPIoctl);
    fail<SOCKET_ERROR>(table->lpWSPListen);
    fail<SOCKET_ERROR>(table->lpWSPRecv);
    fail<SOCKET_ERROR>(table->lpWSPRecvDisconnect);
    fail<SOCKET_ERROR>(table->lpWSPRecvFrom);
    fail<SOCKET_ERROR>(table->lpWSPSelect);
    fail<SOCKET_ERROR>(table->lpWSPSend);
    fail<SOCKET_ERROR>(table->lpWSPSendDisconnect);
    fail<SOCKET_ERROR>(table->lpWSPSendTo);
    fail<SOCKET_ERROR>(table->lpWSPSetSockOpt);
    fail<SOCKET_ERROR>(table->lpWSPShutdown);
    fail<SOCKET_ERROR>(table->lpWSPStringToAddress);
    table->lpWSPCleanup = clean_up;
    return 0;
}
