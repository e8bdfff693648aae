// Text for people, on a console or into a file or pipe (then UTF-8).
#pragma once

#include <string>
#include <string_view>

namespace winsock_spi::rescue {

void print(std::string_view line);       // stdout, with a line end
void print_error(std::string_view line); // stderr

} // namespace winsock_spi::rescue
