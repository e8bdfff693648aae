#include "peer.hpp"

#include <sddl.h>

#include <vector>

#include "../process_tree.hpp"
#include "../text.hpp"

namespace winsock_spi::spi {
namespace {

Status user_of(HANDLE process, std::wstring& sid) {
    UniqueHandle token;
    if (!OpenProcessToken(process, TOKEN_QUERY, token.put())) {
        return last_error("OpenProcessToken");
    }
    DWORD size = 0;
    GetTokenInformation(token.get(), TokenUser, nullptr, 0, &size);
    std::vector<BYTE> buffer(size);
    if (size == 0 || !GetTokenInformation(token.get(), TokenUser, buffer.data(), size, &size)) {
        return last_error("GetTokenInformation");
    }
    wchar_t* text = nullptr;
    if (!ConvertSidToStringSidW(reinterpret_cast<const TOKEN_USER*>(buffer.data())->User.Sid, &text)) {
        return last_error("ConvertSidToStringSidW");
    }
    const UniqueLocal owner(text);
    sid = text;
    return {};
}

} // namespace

Status Peer::open(std::uint32_t pid, bool for_export) {
    const DWORD rights =
        PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE | (for_export ? DWORD{PROCESS_DUP_HANDLE} : 0);
    process_.reset(OpenProcess(rights, FALSE, pid));
    const std::string name = "process " + std::to_string(pid);
    if (!process_) {
        const DWORD error = GetLastError();
        if (error == ERROR_INVALID_PARAMETER) {
            return own_error("ERR_PEER_GONE", name + ", the other end of the channel, has ended.");
        }
        if (error == ERROR_ACCESS_DENIED) {
            return own_error("ERR_PEER_RIGHTS",
                             "This process may not open " + name +
                                 (for_export ? " with PROCESS_DUP_HANDLE, which handing it a socket takes. The more "
                                               "privileged of two processes must be the one that sends."
                                             : ", the other end of the channel, and so cannot tell who it is."));
        }
        return system_error(error, "OpenProcess", name);
    }
    if (!is_alive()) {
        process_.reset();
        return own_error("ERR_PEER_GONE", name + ", the other end of the channel, has ended.");
    }
    return {};
}

bool Peer::is_alive() const {
    return process_ && WaitForSingleObject(process_.get(), 0) == WAIT_TIMEOUT;
}

std::uint64_t Peer::start() const {
    return process_ ? process_start(process_.get()) : 0;
}

std::wstring Peer::program() const {
    return process_ ? program_of(process_.get()) : std::wstring();
}

Status Peer::user(std::wstring& sid) const {
    return user_of(process_.get(), sid);
}

Status own_user(std::wstring& sid) {
    return user_of(GetCurrentProcess(), sid);
}

Status own_user_sddl(std::wstring& sddl) {
    std::wstring sid;
    if (Status status = own_user(sid); !status.ok()) {
        return status;
    }
    sddl = L"D:P(A;;GA;;;" + sid + L")";
    return {};
}

} // namespace winsock_spi::spi
