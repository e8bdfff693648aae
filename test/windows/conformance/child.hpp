// This program started again by a case, as another process that gets a socket.
#pragma once

#include <string>
#include <vector>

namespace conformance {

inline constexpr const char* child_argument = "--child";

// What the child does, by its arguments behind --child; its exit code says how it went: 0 as it should.
int run_child(const std::vector<std::string>& arguments);

} // namespace conformance
