// Which entry of a catalog an info means. The 64- and the 32-bit catalog number their entries independently, so an info
// made for a process of the other bitness, or read from a file, may carry a number that means another provider here.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

namespace winsock_spi::spi {

// Makes `info` name its provider's entry as it stands in the catalog of that bitness: unchanged where its number
// already means that provider there, else replaced by the entry of the same provider and triplet, dwProviderReserved
// kept. `found` is false, and `info` unchanged, where that catalog has none. Fails where the catalog cannot be read.
Status name_entry(int bits, WSAPROTOCOL_INFOW& info, bool& found);

} // namespace winsock_spi::spi
