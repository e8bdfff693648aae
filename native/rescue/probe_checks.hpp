// What the probe tries, each for one address family: bytes to this process itself and back.
#pragma once

#include "probe_winsock.hpp"

namespace winsock_spi::rescue {

struct ProbeCheck {
    const char* name; // "TCP": the report puts "over IPv4" behind it
    spi::Status (*run)(const ProbeWinsock& winsock, int family);
};

extern const ProbeCheck probe_checks[5];

// Whether the machine has the family at all, asked past all layers: a base provider of it binds to the loopback
// address. Otherwise `reason` says why not.
bool has_family(const ProbeWinsock& winsock, int family, std::string& reason);

// Only opens and binds a socket: where a process may do no more.
spi::Status open_socket(const ProbeWinsock& winsock, int family, int type);

} // namespace winsock_spi::rescue
