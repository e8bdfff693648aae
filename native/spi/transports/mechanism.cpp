#include "mechanism.hpp"

namespace winsock_spi::spi {

bool valid_port_name(std::wstring_view name) {
    if (name.empty() || name.size() > 100) {
        return false;
    }
    for (const wchar_t c : name) {
        const bool fine = (c >= L'a' && c <= L'z') || (c >= L'A' && c <= L'Z') || (c >= L'0' && c <= L'9') ||
                          c == L'.' || c == L'_' || c == L'-';
        if (!fine) {
            return false;
        }
    }
    return true;
}

} // namespace winsock_spi::spi
