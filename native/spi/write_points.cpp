#include "write_points.hpp"

#include <string_view>

namespace winsock_spi::spi {

constexpr std::wstring_view pipes = L"\\\\.\\pipe\\"; // of this machine: nothing else is ever opened

WritePoints::WritePoints(const std::wstring& gate) : name_(gate) {
    if (name_.starts_with(pipes)) {
        gate_.reset(CreateFileW(name_.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                                SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, nullptr));
    }
}

void WritePoints::next() {
    ++count_;
    if (!gate_) {
        return;
    }
    char byte = '?';
    DWORD count = 0;
    if (!WriteFile(gate_.get(), &byte, 1, &count, nullptr) || !ReadFile(gate_.get(), &byte, 1, &count, nullptr)) {
        gate_.reset(); // whoever stood there has gone
    }
}

} // namespace winsock_spi::spi
