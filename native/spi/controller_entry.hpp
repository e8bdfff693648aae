// The controller: the one process of the machine that answers held calls (core/control_format.hpp).
#pragma once

#include <cstdint>
#include <string>

#include "status.hpp"
#include "watch_presence.hpp"

namespace winsock_spi::spi {

// This process as the machine's controller: its number in control.bin, taken out when this object goes.
class ControllerEntry {
public:
    ControllerEntry() = default;
    ControllerEntry(const ControllerEntry&) = delete;
    ControllerEntry& operator=(const ControllerEntry&) = delete;
    ~ControllerEntry() { leave(); }

    // ERR_CONTROLLER_RUNNING, with `running` its process id, where another one lives.
    Status enter(std::uint32_t& running);
    void leave();

private:
    MappedControl control_;
};

// The SID, as text, of a user or group by its name ("DOMAIN\\name", "name"). ERR_NO_USER.
Status find_user(const std::wstring& name, std::wstring& sid);

} // namespace winsock_spi::spi
