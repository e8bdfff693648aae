// GUIDs as text: "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}", upper case when written, either case when read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guid.hpp"

namespace winsock_spi::core {

std::string format_guid(const Guid& guid);
std::optional<Guid> parse_guid(std::string_view text);

} // namespace winsock_spi::core
