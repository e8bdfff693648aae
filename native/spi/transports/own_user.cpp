#include "own_user.hpp"

#include "../sockets/peer.hpp"

namespace winsock_spi::spi {

Status sddl_or_own_user(const std::wstring& given, std::wstring& sddl) {
    sddl = given;
    return given.empty() ? own_user_sddl(sddl) : Status{};
}

} // namespace winsock_spi::spi
