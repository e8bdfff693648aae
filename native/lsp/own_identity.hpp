// The process's own identity on a thread that impersonates somebody (a service at work for a client): what this process
// makes or connects to for itself, it does as itself. The thread's token is put back at the end of the scope.
#pragma once

#include "spi/nt_api.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

class OwnIdentity {
public:
    OwnIdentity() {
        constexpr ACCESS_MASK access = TOKEN_IMPERSONATE | TOKEN_QUERY;
        if (!spi::nt_success(spi::NtOpenThreadToken(GetCurrentThread(), access, TRUE, token_.put()))) {
            token_.reset(); // it does not impersonate, or may not put the token back: then it is left alone
            return;
        }
        HANDLE none = nullptr;
        if (!set_token(none)) {
            token_.reset();
        }
    }
    OwnIdentity(const OwnIdentity&) = delete;
    OwnIdentity& operator=(const OwnIdentity&) = delete;
    ~OwnIdentity() {
        if (token_) {
            HANDLE token = token_.get();
            set_token(token);
        }
    }

private:
    static bool set_token(HANDLE& token) {
        return spi::nt_success(
            spi::NtSetInformationThread(GetCurrentThread(), spi::thread_impersonation_token, &token, sizeof(token)));
    }

    spi::UniqueHandle token_;
};

} // namespace winsock_spi::lsp
