// Starting a program as Windows starts those that it trusts less: with low integrity, as a packaged app (AppContainer),
// or so that it loads no DLL but Microsoft's own. A provider of Winsock is loaded into all of them, or is to be left
// out of them without harm.
#pragma once

#include <vector>

#include "inherited_handles.hpp"
#include "status.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

enum class Confinement { none, low_integrity, app_container, signed_only };

// The name of each as the command line of rescue's `probe` has it.
const wchar_t* confinement_name(Confinement confinement);

// Whether this very process runs so; not every system that takes the order also carries it out.
bool is_confined(Confinement confinement);

// Everything that CreateProcess needs to be told; lives as long as the call.
class ConfinedStart {
public:
    Status prepare(Confinement confinement);
    // For CreateProcessAsUserW; null: as this process.
    HANDLE token() const { return token_.get(); }
    const std::vector<StartAttribute>& attributes() const { return attributes_; }

private:
    Status prepare_low_integrity();
    Status prepare_app_container();

    UniqueHandle token_;
    std::vector<StartAttribute> attributes_;
    DWORD64 mitigation_ = 0;
    std::vector<unsigned char> capability_sids_[2];
    SID_AND_ATTRIBUTES capabilities_[2]{};
    std::vector<unsigned char> container_sid_;
    SECURITY_CAPABILITIES security_{};
};

} // namespace winsock_spi::spi
