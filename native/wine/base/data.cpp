// WSPRecv, WSPRecvFrom, WSPSend and WSPSendTo.
#include "base.hpp"
#include "foreign_thread.hpp"

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_receive("WSARecv");
constinit WineFunction wine_receive_from("WSARecvFrom");
constinit WineFunction wine_send("WSASend");
constinit WineFunction wine_send_to("WSASendTo");

} // namespace

int WSPAPI receive(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    const auto call = wine_receive.as<decltype(&::WSARecv)>();
    return overlapped_call(handle, overlapped, routine, thread, error,
                           [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                               return call(handle, buffers, count, bytes, flags, own, own_routine);
                           });
}

int WSPAPI receive_from(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, LPDWORD flags, sockaddr* from,
                        LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error) {
    const auto call = wine_receive_from.as<decltype(&::WSARecvFrom)>();
    return overlapped_call(handle, overlapped, routine, thread, error,
                           [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                               return call(handle, buffers, count, bytes, flags, from, from_length, own, own_routine);
                           });
}

int WSPAPI send_data(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags,
                     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error) {
    const auto call = wine_send.as<decltype(&::WSASend)>();
    return overlapped_call(handle, overlapped, routine, thread, error,
                           [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                               return call(handle, buffers, count, bytes, flags, own, own_routine);
                           });
}

int WSPAPI send_data_to(SOCKET handle, LPWSABUF buffers, DWORD count, LPDWORD bytes, DWORD flags, const sockaddr* to,
                        int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                        LPWSATHREADID thread, LPINT error) {
    const auto call = wine_send_to.as<decltype(&::WSASendTo)>();
    return overlapped_call(handle, overlapped, routine, thread, error,
                           [&](LPWSAOVERLAPPED own, LPWSAOVERLAPPED_COMPLETION_ROUTINE own_routine) {
                               return call(handle, buffers, count, bytes, flags, to, to_length, own, own_routine);
                           });
}

} // namespace winsock_spi::wine::base
