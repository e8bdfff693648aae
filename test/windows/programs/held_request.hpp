// What the ways of held_calls share.
#pragma once

#include "common.hpp"

namespace held {

constexpr DWORD patience = 60'000;
constexpr ULONG_PTR sentinel = 77;

struct Request {
    std::string way;
    program::Address to;
    int family = AF_INET;
    int count = 1;
};

inline program::Address wildcard(int family) {
    program::Address address;
    address.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    address.storage.ss_family = static_cast<ADDRESS_FAMILY>(family);
    return address;
}

inline program::Socket make(int family, int type) {
    return program::Socket(WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
}

inline void set_non_blocking(SOCKET socket) {
    u_long on = 1;
    program::check(ioctlsocket(socket, FIONBIO, &on), "FIONBIO");
}

inline std::string text_of(const program::Address& address) {
    wchar_t text[128];
    DWORD length = 128;
    program::Address copy = address;
    if (WSAAddressToStringW(copy.get(), static_cast<DWORD>(copy.length), nullptr, text, &length) != 0) {
        return "?";
    }
    return program::narrow(text);
}

inline program::Handle make_port() {
    return program::Handle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1), "CreateIoCompletionPort");
}

} // namespace held
