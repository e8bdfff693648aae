#include "confirm_deadline.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include "step_members.hpp"
#include "text.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {
namespace {

constexpr wchar_t mark_key[] = L"\\Unconfirmed";
constexpr wchar_t mark_value[] = L"Boot";
constexpr std::uint64_t filetime_of_1970 = 116444736000000000ULL;
constexpr std::uint64_t filetime_per_millisecond = 10000;

std::uint64_t wall_now() {
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return static_cast<std::uint64_t>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
}

// Different for every mark that was ever made: when it was made, by both clocks, and by whom.
std::string new_mark() {
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%llx-%llx-%lx", static_cast<unsigned long long>(wall_now()),
                      static_cast<unsigned long long>(GetTickCount64()), GetCurrentProcessId());
    return {text.data(), static_cast<std::size_t>(length > 0 ? length : 0)};
}

std::string current_mark(const std::wstring& key) {
    wchar_t text[64];
    DWORD size = sizeof(text);
    const LSTATUS error =
        RegGetValueW(HKEY_LOCAL_MACHINE, (key + mark_key).c_str(), mark_value, RRF_RT_REG_SZ, nullptr, text, &size);
    return error == ERROR_SUCCESS ? narrow(text) : std::string();
}

std::optional<std::uint64_t> number(const core::json::Value& value, const char* name) {
    const std::string text = narrow(text_member(value, name));
    std::uint64_t found = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), found);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(found)
                                                                                     : std::nullopt;
}

} // namespace

Status begin_deadline(const std::wstring& key, std::uint64_t milliseconds, Deadline& deadline, WritePoints& points) {
    const std::wstring path = key + mark_key;
    UniqueKey opened;
    points.next();
    LSTATUS error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, nullptr, REG_OPTION_VOLATILE,
                                    KEY_READ | KEY_WRITE, nullptr, opened.put(), nullptr);
    if (error != ERROR_SUCCESS) {
        return system_error(static_cast<std::uint32_t>(error), "RegCreateKeyExW", narrow(path));
    }
    deadline.boot = new_mark();
    const std::wstring text = widen(deadline.boot);
    points.next();
    error = RegSetValueExW(opened.get(), mark_value, 0, REG_SZ, reinterpret_cast<const BYTE*>(text.c_str()),
                           static_cast<DWORD>((text.size() + 1) * sizeof(wchar_t)));
    if (error != ERROR_SUCCESS) {
        return system_error(static_cast<std::uint32_t>(error), "RegSetValueExW", narrow(path));
    }
    deadline.wall = wall_now() + milliseconds * filetime_per_millisecond;
    deadline.ticks = GetTickCount64() + milliseconds;
    return {};
}

void end_deadline(const std::wstring& key, WritePoints& points) {
    points.next();
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, (key + mark_key).c_str());
}

std::uint64_t milliseconds_left(const std::wstring& key, const Deadline& deadline) {
    const std::uint64_t now = GetTickCount64();
    return deadline.boot.empty() || current_mark(key) != deadline.boot || now >= deadline.ticks ? 0
                                                                                                : deadline.ticks - now;
}

core::json::Value to_json(const Deadline& deadline) {
    core::json::Value value; // 64 bits do not fit JSON's numbers everywhere
    value.add("wall", std::to_string(deadline.wall));
    value.add("ticks", std::to_string(deadline.ticks));
    value.add("boot", deadline.boot);
    return value;
}

std::optional<Deadline> deadline_of(const core::json::Value& value) {
    const std::optional<std::uint64_t> wall = number(value, "wall");
    const std::optional<std::uint64_t> ticks = number(value, "ticks");
    if (!wall || !ticks) {
        return std::nullopt;
    }
    return Deadline{*wall, *ticks, narrow(text_member(value, "boot"))};
}

std::int64_t unix_milliseconds(std::uint64_t filetime) {
    return (static_cast<std::int64_t>(filetime) - static_cast<std::int64_t>(filetime_of_1970)) /
           static_cast<std::int64_t>(filetime_per_millisecond);
}

std::string time_text(std::uint64_t filetime) {
    const FILETIME parts{static_cast<DWORD>(filetime), static_cast<DWORD>(filetime >> 32)};
    SYSTEMTIME time{};
    if (!FileTimeToSystemTime(&parts, &time)) {
        return "an unknown time";
    }
    std::array<char, 40> text{};
    const int length = std::snprintf(text.data(), text.size(), "%04u-%02u-%02u %02u:%02u:%02u UTC", time.wYear,
                                     time.wMonth, time.wDay, time.wHour, time.wMinute, time.wSecond);
    return {text.data(), static_cast<std::size_t>(length > 0 ? length : 0)};
}

} // namespace winsock_spi::spi
