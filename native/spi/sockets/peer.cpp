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
    if (for_export) {
        return open_target(pid, process_);
    }
    process_.handle.reset(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, pid));
    const DWORD error = process_.handle ? 0 : GetLastError();
    if (error == ERROR_INVALID_PARAMETER || (error == 0 && !is_alive())) {
        close();
        return own_error("ERR_NO_PROCESS",
                         "Process " + std::to_string(pid) + ", the other end of the channel, has ended.");
    }
    return error == 0 ? Status{} : system_error(error, "OpenProcess", "process " + std::to_string(pid));
}

bool Peer::is_alive() const {
    return process_.handle && WaitForSingleObject(process_.handle.get(), 0) == WAIT_TIMEOUT;
}

Status Peer::make_ledger(const LedgerKey& key, std::uint32_t& handle_there) {
    return ledger_.make(process_.handle.get(), key, handle_there);
}

void Peer::close_unclaimed(std::uint32_t id) const {
    for (const std::uint32_t handle : ledger_.above(id)) {
        spi::close_unclaimed(handle);
    }
}

Status Peer::export_socket(SOCKET socket, std::uint32_t id, WSAPROTOCOL_INFOW& info) {
    SocketExport result;
    Status status = duplicate_socket(socket, process_, result);
    if (status.ok()) {
        ledger_.note(id, result.info.dwProviderReserved);
    }
    info = result.info;
    return status;
}

Status Peer::revoke(std::uint32_t handle) const {
    return revoke_export(process_.pid, process_.start, handle);
}

std::wstring Peer::program() const {
    return process_.handle ? program_of(process_.handle.get()) : std::wstring();
}

std::uint64_t Peer::start() const {
    return process_.handle ? process_start(process_.handle.get()) : 0;
}

Status Peer::user(std::wstring& sid) const {
    return user_of(process_.handle.get(), sid);
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
