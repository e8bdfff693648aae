#include "status.hpp"

#include "core/error_names.hpp"
#include "text.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {

std::string Status::code() const {
    if (!own_code.empty()) {
        return own_code;
    }
    const char* name = core::error_name(number);
    return name != nullptr ? name : "ERROR_" + std::to_string(number);
}

std::string system_text(std::uint32_t number) {
    wchar_t* text = nullptr;
    const DWORD length =
        FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                       nullptr, number, 0, reinterpret_cast<wchar_t*>(&text), 0, nullptr);
    const UniqueLocal owner(text);
    std::wstring_view view(text, length);
    while (!view.empty() && std::wstring_view(L"\r\n .").find(view.back()) != std::wstring_view::npos) {
        view.remove_suffix(1);
    }
    return narrow(view);
}

Status system_error(std::uint32_t number, const char* syscall, const std::string& what) {
    Status status;
    status.number = number != 0 ? number : static_cast<std::uint32_t>(WSASYSCALLFAILURE);
    status.syscall = syscall;
    std::string text = system_text(status.number);
    if (text.empty()) {
        text = "error " + std::to_string(status.number);
    }
    status.message = std::string(syscall) + (what.empty() ? "" : " (" + what + ")") + ": " + text + " [" +
                     status.code() + " " + std::to_string(status.number) + "]";
    return status;
}

Status last_error(const char* syscall, const std::string& what) {
    const DWORD number = GetLastError();
    return system_error(number, syscall, what);
}

Status own_error(const char* code, std::string message) {
    Status status;
    status.own_code = code;
    status.message = std::move(message);
    return status;
}

} // namespace winsock_spi::spi
