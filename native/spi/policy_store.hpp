// The policy that is in force, as the machine keeps it: control.bin says which generation, and beside it lie
//
//   %ProgramData%\winsock-spi\policy-<generation>.bin   the image that every process maps (Access::control)
//   %ProgramData%\winsock-spi\policy-<generation>.json  the policy itself, with passwords (Access::private_access)
//   HKLM\SOFTWARE\winsock-spi, 64-bit view              administrators and SYSTEM write, everyone reads:
//       FailClosed   DWORD: says what control.bin's bit says, where that file is lost or damaged
//       Generation   DWORD: the last number given; none is given twice
//
// Files are immutable once control.bin names them. The order of writing lets a process be killed anywhere: before the
// generation is stored the old policy is in force, after it the new one; where one of the two is fail-closed, so is the
// time between. The generation before the present one is kept for processes that cannot read the present one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "catalog_lock.hpp"
#include "leftovers.hpp"
#include "status.hpp"
#include "watch_presence.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

inline constexpr wchar_t policy_key[] = L"SOFTWARE\\winsock-spi";

struct PolicyState {
    std::uint32_t generation = 0; // 0: no policy
    std::uint32_t previous = 0;
    bool fail_closed = false;
    bool registry_fail_closed = false;
    std::uint32_t controller_pid = 0; // 0: none
    std::uint64_t controller_start = 0;
};

// control.bin in the data folder, of an ABI whose members this version knows. ERR_NOT_INSTALLED, ERR_CONTROL_DAMAGED,
// ERR_CONTROL_VERSION.
Status open_policy_control(const std::wstring& folder, bool writable, MappedControl& mapped);

// ERR_NOT_INSTALLED, ERR_CONTROL_DAMAGED; `registry_fail_closed` is set with those too. Needs no rights.
Status read_policy_state(PolicyState& state);

// The policy of a generation as its JSON text. For administrators; ERR_UNTRUSTED_FILE where someone else could have
// written it.
Status read_policy_text(std::uint32_t generation, std::string& text);

// Owner and DACL, as SDDL, of what a policy consists of; empty where there is no such thing.
struct PolicySecurity {
    std::string image;
    std::string text;
    std::string key;
};
Status read_policy_security(std::uint32_t generation, PolicySecurity& security);

// Puts generation, previous one and both bits in force as `state` has them; the controller stays. A control.bin that is
// not there is passed over. For whoever holds the catalog's lock.
Status write_policy_state(const PolicyState& state, WritePoints& points);

// Whether this machine has anything of a policy: a generation, files, the registry key.
bool has_policy_traces();
// Deletes the files of all policies, now or later, and the registry key.
Status remove_policy_traces(Leftovers& leftovers, WritePoints& points);

// Changes of the policy, one at a time on the whole machine.
class PolicyStore {
public:
    explicit PolicyStore(const std::wstring& gate) : points_(gate) {}

    // Waits for other changes to end. `clear` works also where control.bin is missing or damaged, the others do not.
    Status open();

    // A number that no policy has had or will have.
    Status reserve(std::uint32_t& generation);
    // Writes both files and puts them in force. `generation` comes from reserve().
    Status publish(std::uint32_t generation, std::span<const std::uint8_t> image, std::string_view text,
                   bool fail_closed);
    // No policy. Says ERR_CONTROL_DAMAGED after everything else is cleared.
    Status clear();

private:
    Status require_control() const;
    void delete_others(std::uint32_t generation, std::uint32_t previous);

    CatalogLock lock_;
    WritePoints points_;
    std::wstring folder_;
    Status control_status_;
    MappedControl control_;
};

} // namespace winsock_spi::spi
