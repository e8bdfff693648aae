// The part of our command line that is the program's own.
#pragma once

namespace winsock_spi::wine {

// Skips the first word (our own name, quoted or not) and the spaces after it. What follows is passed on character by
// character: taking it apart and quoting it again would change it for programs with rules of their own.
inline const wchar_t* after_first_word(const wchar_t* text) {
    bool quoted = false;
    for (; *text != 0 && (quoted || (*text != L' ' && *text != L'\t')); ++text) {
        quoted = quoted != (*text == L'"');
    }
    while (*text == L' ' || *text == L'\t') {
        ++text;
    }
    return text;
}

} // namespace winsock_spi::wine
