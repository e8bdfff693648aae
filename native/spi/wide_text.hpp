// Text in UTF-16 in a buffer of fixed size, for code without a C++ runtime: paths, and reasons in start records.
#pragma once

#include "win32.hpp"

#include <cstddef>
#include <string_view>

namespace winsock_spi::spi {

template <std::size_t Capacity>
class WideText {
public:
    static constexpr std::size_t capacity = Capacity; // units, the terminator included

    WideText() = default;

    WideText& operator<<(std::wstring_view text) {
        for (const wchar_t unit : text) {
            push(unit);
        }
        return *this;
    }
    WideText& operator<<(unsigned long number) {
        wchar_t digits[10];
        std::size_t count = 0;
        do {
            digits[count++] = static_cast<wchar_t>(L'0' + number % 10);
            number /= 10;
        } while (number != 0);
        while (count > 0) {
            push(digits[--count]);
        }
        return *this;
    }
    void append_hex(unsigned long long number, unsigned digits) {
        while (digits-- > 0) {
            push(L"0123456789abcdef"[number >> (4 * digits) & 15]);
        }
    }
    // With zeros in front, up to ten digits of the number.
    void append_decimal(unsigned long number, unsigned digits) {
        wchar_t reversed[10];
        for (wchar_t& digit : reversed) {
            digit = static_cast<wchar_t>(L'0' + number % 10);
            number /= 10;
        }
        while (digits-- > 0) {
            push(digits < 10 ? reversed[digits] : L'0');
        }
    }
    void clear() {
        length_ = 0;
        cut_ = false;
        text_[0] = L'\0';
    }

    // False when something did not fit: the text is then the part that did.
    bool whole() const { return !cut_; }
    const wchar_t* c_str() const { return text_; }
    std::wstring_view view() const { return {text_, length_}; }
    std::size_t length() const { return length_; }

    // For functions of Windows that fill a buffer of `capacity` units; `finish` gives what they wrote its length.
    wchar_t* buffer() { return text_; }
    void finish() {
        text_[Capacity - 1] = L'\0';
        length_ = 0;
        while (text_[length_] != L'\0') {
            ++length_;
        }
        cut_ = false;
    }

private:
    void push(wchar_t unit) {
        if (length_ + 1 >= Capacity) {
            cut_ = true;
            return;
        }
        text_[length_++] = unit;
        text_[length_] = L'\0';
    }

    wchar_t text_[Capacity] = {};
    std::size_t length_ = 0;
    bool cut_ = false;
};

using PathText = WideText<MAX_PATH>;

} // namespace winsock_spi::spi
