// Connecting by name. Page: "WSAConnectByNameW function (winsock2.h)" and its A form. (Of the local address only the
// family: Wine 10.0's own Winsock gives it as before the connection, our host side as it is then.)
#include "overlapped.hpp"

using namespace conformance;

namespace {

std::wstring service_of(SOCKET listener) {
    return std::to_wstring(name_of(listener).port());
}

} // namespace

CONFORMANCE_CASE("WSAConnectByName", "a connection") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const Socket listener = listening(family);
        const Socket client = tcp(family);
        std::wstring node = family == AF_INET ? L"127.0.0.1" : L"::1";
        std::wstring service = service_of(listener.get());
        Address local;
        Address remote;
        DWORD local_length = sizeof local.storage;
        DWORD remote_length = sizeof remote.storage;
        succeeds_bool(name + "WSAConnectByNameW",
                      WSAConnectByNameW(client.get(), node.data(), service.data(), &local_length, local.get(),
                                        &remote_length, remote.get(), nullptr, nullptr));
        remote.length = static_cast<int>(remote_length);
        is(name + "the remote address", same(remote, name_of(listener.get())));
        equal(name + "the local address is of the family", local.family(), family);
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        is(name + "the listener has it", static_cast<bool>(accepted));
        send_text(client.get(), "named");
        equal(name + "data goes over", receive_text(accepted.get()), "named");
    }
}

CONFORMANCE_CASE("WSAConnectByName", "the A form, without addresses") {
    const Socket listener = listening();
    const Socket client = tcp();
    std::string node = "127.0.0.1";
    std::string service = std::to_string(name_of(listener.get()).port());
    succeeds_bool("WSAConnectByNameA", WSAConnectByNameA(client.get(), node.data(), service.data(), nullptr, nullptr,
                                                         nullptr, nullptr, nullptr, nullptr));
    is("getpeername", same(peer_of(client.get()), name_of(listener.get())));
}

CONFORMANCE_CASE("WSAConnectByName", "errors") {
    const Unanswered nobody = unanswered();
    const Socket client = tcp();
    std::wstring node = L"127.0.0.1";
    std::wstring service = std::to_wstring(nobody.address.port());
    fails_bool("nobody listens: WSAECONNREFUSED",
               WSAConnectByNameW(client.get(), node.data(), service.data(), nullptr, nullptr, nullptr, nullptr, nullptr,
                                 nullptr),
               WSAECONNREFUSED);
    std::wstring unknown = L"nobody.invalid";
    const BOOL result = WSAConnectByNameW(client.get(), unknown.data(), service.data(), nullptr, nullptr, nullptr,
                                          nullptr, nullptr, nullptr);
    is("a name nobody has", !result);
}
