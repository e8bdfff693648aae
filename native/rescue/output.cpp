#include "output.hpp"

#include "spi/text.hpp"
#include "spi/win32.hpp"

namespace winsock_spi::rescue {
namespace {

void write(DWORD which, std::string_view line) {
    const HANDLE handle = GetStdHandle(which);
    DWORD mode = 0;
    DWORD count = 0;
    const std::string text = std::string(line) + "\r\n";
    if (GetConsoleMode(handle, &mode)) {
        const std::wstring wide = spi::widen(text);
        WriteConsoleW(handle, wide.data(), static_cast<DWORD>(wide.size()), &count, nullptr);
    } else {
        WriteFile(handle, text.data(), static_cast<DWORD>(text.size()), &count, nullptr);
    }
}

} // namespace

void print(std::string_view line) {
    write(STD_OUTPUT_HANDLE, line);
}
void print_error(std::string_view line) {
    write(STD_ERROR_HANDLE, line);
}

} // namespace winsock_spi::rescue
