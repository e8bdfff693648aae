// Until when a change may be confirmed. The wall clock is for people; what counts is the time since this very boot, so
// that setting the clock neither shortens nor lengthens it. Another boot is past every deadline: a restart is what
// people do to a machine that they cannot reach any more. This boot is known by a volatile registry key, which Windows
// forgets when it restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/json.hpp"
#include "status.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

struct Deadline {
    std::uint64_t wall = 0;  // FILETIME: 100 ns since 1601, UTC
    std::uint64_t ticks = 0; // of GetTickCount64, which goes on while the machine sleeps
    std::string boot;        // what the volatile key says
};

// Marks this boot below a registry key of HKLM that exists, and sets the deadline.
Status begin_deadline(const std::wstring& key, std::uint64_t milliseconds, Deadline& deadline, WritePoints& points);

// Takes the mark away again; none there is fine.
void end_deadline(const std::wstring& key, WritePoints& points);

// 0: it has passed, or the machine was started since.
std::uint64_t milliseconds_left(const std::wstring& key, const Deadline& deadline);

// As the journal keeps it.
core::json::Value to_json(const Deadline& deadline);
std::optional<Deadline> deadline_of(const core::json::Value& value);

// FILETIME as milliseconds since 1970, which is how JavaScript counts.
std::int64_t unix_milliseconds(std::uint64_t filetime);

// "2026-11-21 19:05:00 UTC"
std::string time_text(std::uint64_t filetime);

} // namespace winsock_spi::spi
