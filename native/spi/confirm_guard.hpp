// The guard of a change that needs to be confirmed: winsock-spi-rescue as a service that Windows starts at every boot,
// run from copies in <data folder>\guard that belong to no installation. It is there before the first step of the
// change and until the change is confirmed or undone, whatever becomes of the process that made the change.
#pragma once

#include <map>
#include <string>

#include "leftovers.hpp"
#include "status.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

inline constexpr wchar_t guard_service[] = L"winsock-spi-rescue";

// The service's key below HKLM; the mark of this boot is below it.
inline constexpr wchar_t guard_key[] = L"SYSTEM\\CurrentControlSet\\Services\\winsock-spi-rescue";

// Whether there may be a guard, or something left of one.
bool has_guard(const std::wstring& data);

// The copies of rescue that are there, by bitness: what undoes a change must not depend on files that the change, or
// anyone else, takes away meanwhile.
std::map<int, std::wstring> guard_programs(const std::wstring& data);

// Copies the programs, registers the service and starts it. With the catalog lock held: the guard waits for that.
Status arm_guard(const std::wstring& data, const std::map<int, std::wstring>& programs, Leftovers& leftovers,
                 WritePoints& points);

enum class Caller { guard, other };

// Takes the service and its files away. Another caller than the guard itself ends the guard's process first.
Status disarm_guard(const std::wstring& data, Caller caller, Leftovers& leftovers, WritePoints& points);

} // namespace winsock_spi::spi
