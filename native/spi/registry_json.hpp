// Registry trees as JSON, in plans, journals and backup files:
//   { "values": { name: { "type": REG_* number, "data": "<base64>" } }, "keys": { name: tree }, "security"?: SDDL }
#pragma once

#include "core/json.hpp"
#include "registry.hpp"

namespace winsock_spi::spi {

core::json::Value to_json(const RegistryTree& tree);
// ERR_BACKUP_CORRUPT where the value is no such tree.
Status from_json(const core::json::Value& value, RegistryTree& tree);

} // namespace winsock_spi::spi
