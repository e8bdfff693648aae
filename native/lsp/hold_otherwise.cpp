// Held calls where nobody can be asked: every call gets its rule's `otherwise` at once. Gives way to hold.cpp.
#include "hold.hpp"

namespace winsock_spi::lsp {

namespace {

HoldAnswer otherwise(const HoldQuestion& question) {
    return question.verdict.otherwise == core::VerdictKind::deny ? HoldAnswer::deny(question.verdict.otherwise_error)
                                                                 : HoldAnswer::allow();
}

} // namespace

HoldAnswer hold_call(const HoldQuestion& question, IfBusy) {
    return otherwise(question);
}

HoldAnswer hold_connect(const HoldQuestion& question, const sockaddr*, int) {
    return otherwise(question);
}

HoldAnswer hold_connect_ex(const HoldQuestion& question, LPFN_CONNECTEX, const sockaddr*, int, void*, DWORD,
                           OVERLAPPED*) {
    return otherwise(question);
}

HoldAnswer hold_send_to(const HoldQuestion& question, const WSABUF*, DWORD, DWORD, const sockaddr*, int,
                        WSAOVERLAPPED*, bool) {
    return otherwise(question);
}

} // namespace winsock_spi::lsp
