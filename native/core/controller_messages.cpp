// What the controller sends, cut into answers and checked; see controller_messages.hpp.
#include "controller_messages.hpp"

#include <cstring>

#include "policy.hpp"

namespace winsock_spi::core {

namespace {

constexpr std::uint16_t family_ipv4 = 2;
constexpr std::uint16_t family_ipv6 = 23;
// Winsock's own numbers; whatever else is not what a program expects of a call.
constexpr std::int32_t first_error = 10'000;
constexpr std::int32_t last_error = 11'999;

} // namespace

bool is_good_answer(const ControllerAnswer& answer) {
    if (answer.magic != answer_magic || answer.abi != controller_abi || answer.size != sizeof(ControllerAnswer)) {
        return false;
    }
    if (answer.action == static_cast<std::uint32_t>(VerdictKind::allow)) {
        return true;
    }
    if (answer.action == static_cast<std::uint32_t>(VerdictKind::deny)) {
        return answer.error >= first_error && answer.error <= last_error;
    }
    return answer.action == static_cast<std::uint32_t>(VerdictKind::redirect) && answer.target.port != 0 &&
           (answer.target.family == family_ipv4 || answer.target.family == family_ipv6);
}

void AnswerReader::arrived(std::size_t size) {
    const std::size_t left = buffer_.size() - length_;
    length_ += size < left ? size : left;
}

AnswerReader::Next AnswerReader::next(ControllerAnswer& answer) {
    if (length_ - taken_ < sizeof(answer)) {
        std::memmove(buffer_.data(), buffer_.data() + taken_, length_ - taken_);
        length_ -= taken_;
        taken_ = 0;
        return Next::nothing;
    }
    std::memcpy(&answer, buffer_.data() + taken_, sizeof(answer));
    taken_ += sizeof(answer);
    return is_good_answer(answer) ? Next::answer : Next::broken;
}

} // namespace winsock_spi::core
