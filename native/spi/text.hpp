// UTF-16 as Windows speaks it, UTF-8 as JSON and people read it. Unpaired surrogates survive the way there and back
// (as three-byte sequences): registry names may hold them.
#pragma once

#include <string>
#include <string_view>

namespace winsock_spi::spi {

std::string narrow(std::wstring_view text);
std::wstring widen(std::string_view text);

// Compares as the registry and the file system do: without regard to case.
bool equal_names(std::wstring_view a, std::wstring_view b);

} // namespace winsock_spi::spi
