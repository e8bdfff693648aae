// What a function of this folder answers: fine, or an error that says what was tried.
// It becomes { code, errno, syscall, message } in JavaScript and a line of text in rescue.
#pragma once

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

struct [[nodiscard]] Status {
    std::uint32_t number = 0;    // Winsock or Windows error number, 0 where only `own_code` tells
    std::string own_code;        // stable code of ours ("ERR_..."), empty where the number's name is the code
    std::string syscall;         // function of the system that failed, empty where none did
    std::string message;         // UTF-8, for people

    bool ok() const { return number == 0 && own_code.empty(); }
    std::string code() const;    // "WSAEACCES", "ERR_PROBE_FAILED"
};

// An error of a system function. `what` says what it was asked to do, for example "open C:\\x"; the system's own
// text for the number is appended.
Status system_error(std::uint32_t number, const char* syscall, const std::string& what = {});

// As above with GetLastError(), which is read before anything else happens.
Status last_error(const char* syscall, const std::string& what = {});

// An error that this project found by itself.
Status own_error(const char* code, std::string message);

// The system's sentence for an error number, without the line end; empty when it has none.
std::string system_text(std::uint32_t number);

} // namespace winsock_spi::spi
