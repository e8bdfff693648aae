// Security descriptors of the objects by which processes reach each other.
#pragma once

#include <string>

#include "../security.hpp"
#include "../status.hpp"

namespace winsock_spi::spi {

// `given`, or where that is empty: the user of this process may do everything and nobody else anything.
Status sddl_or_own_user(const std::wstring& given, std::wstring& sddl);

} // namespace winsock_spi::spi
