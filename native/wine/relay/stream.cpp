// Copying of bytes from one handle to another until either end is gone.
#include "stream.hpp"

#include <array>

namespace winsock_spi::wine {

DWORD make_stream(Direction direction, Stream& stream) {
    HANDLE read_end = nullptr;
    HANDLE write_end = nullptr;
    if (CreatePipe(&read_end, &write_end, nullptr, 64 * 1024) == FALSE) {
        return GetLastError();
    }
    Handle reader(read_end);
    Handle writer(write_end);
    Handle& program = direction == Direction::to_program ? reader : writer;
    if (SetHandleInformation(program.get(), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) == FALSE) {
        return GetLastError();
    }
    stream.ours = std::move(direction == Direction::to_program ? writer : reader);
    stream.program = std::move(program);
    return 0;
}

void copy(HANDLE from, HANDLE to) {
    std::array<char, 64 * 1024> buffer;
    for (;;) {
        DWORD count = 0;
        if (ReadFile(from, buffer.data(), static_cast<DWORD>(buffer.size()), &count, nullptr) == FALSE) {
            return;
        }
        if (count == 0) {
            // End of a file or a terminal's stream; from a Windows pipe it is a program's empty write.
            if (GetFileType(from) == FILE_TYPE_PIPE &&
                PeekNamedPipe(from, nullptr, 0, nullptr, nullptr, nullptr) != FALSE) {
                continue;
            }
            return;
        }
        for (DWORD done = 0; done < count;) {
            DWORD written = 0;
            if (WriteFile(to, buffer.data() + done, count - done, &written, nullptr) == FALSE) {
                return;
            }
            done += written;
        }
    }
}

} // namespace winsock_spi::wine
