// What the controller sends, cut into answers and checked: the provider treats every byte of it as hostile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "controller_format.hpp"

namespace winsock_spi::core {

// Whether the provider can do what this answer says: known magic, ABI and size; allow, deny with a Winsock error, or
// redirect to a whole address.
bool is_good_answer(const ControllerAnswer& answer);

// Collects the bytes of the pipe; answers come out in order. All zero at first, like everything of the provider.
class AnswerReader {
public:
    enum class Next {
        nothing, // a part of an answer at most
        answer,
        broken, // this is no controller that we understand: nothing more is to be read from it
    };

    // Where the next bytes go; never empty as long as next() has been asked until it said `nothing`.
    std::span<std::byte> room() { return std::span(buffer_).subspan(length_); }
    void arrived(std::size_t size);
    Next next(ControllerAnswer& answer);
    void clear() { length_ = taken_ = 0; }

private:
    std::array<std::byte, 32 * sizeof(ControllerAnswer)> buffer_{};
    std::size_t length_ = 0;
    std::size_t taken_ = 0;
};

} // namespace winsock_spi::core
