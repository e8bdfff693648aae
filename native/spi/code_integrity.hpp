// Whether Windows refuses to load DLLs that are not signed, or not trusted: Smart App Control, and policies of App
// Control for Business (WDAC). A provider that is refused takes the network from every program.
#pragma once

#include <cstdint>

namespace winsock_spi::spi {

enum class SmartAppControl { absent, off, on, evaluation };

struct CodeIntegrity {
    SmartAppControl smart_app_control = SmartAppControl::absent;
    bool user_mode = false;  // some policy decides which DLLs programs may load
    bool audit_only = false; // but only writes down what it would have refused
};

CodeIntegrity read_code_integrity();

} // namespace winsock_spi::spi
