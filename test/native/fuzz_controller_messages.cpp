// A controller that is hostile: any bytes, in pieces of any size. What comes out are answers that the provider can
// carry out, each of them as it was sent; the reader stays within its memory and always has room for more.
#include <algorithm>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "core/controller_messages.hpp"
#include "core/policy.hpp"
#include "input.hpp"

using namespace winsock_spi::core;

namespace {

ControllerAnswer random_answer(check::Input& input) {
    ControllerAnswer answer{};
    answer.magic = input.one_in(50) ? static_cast<std::uint32_t>(input.nasty()) : answer_magic;
    answer.abi = input.one_in(50) ? static_cast<std::uint16_t>(input.nasty()) : controller_abi;
    answer.size =
        input.one_in(50) ? static_cast<std::uint16_t>(input.nasty()) : std::uint16_t{sizeof(ControllerAnswer)};
    answer.id = input.nasty();
    answer.action =
        input.one_in(20) ? static_cast<std::uint32_t>(input.nasty()) : static_cast<std::uint32_t>(1 + input.below(3));
    answer.error = input.one_in(10) ? static_cast<std::int32_t>(input.nasty())
                                    : static_cast<std::int32_t>(10'000 + input.below(2000));
    answer.target.family = input.one_in(10) ? static_cast<std::uint16_t>(input.nasty()) : input.one_in(2) ? 2 : 23;
    answer.target.port = static_cast<std::uint16_t>(input.below(3) * 20'000);
    return answer;
}

bool can_be_carried_out(const ControllerAnswer& answer) {
    switch (static_cast<VerdictKind>(answer.action)) {
    case VerdictKind::allow: return true;
    case VerdictKind::deny: return answer.error >= 10'000 && answer.error < 12'000;
    case VerdictKind::redirect:
        return answer.target.port != 0 && (answer.target.family == 2 || answer.target.family == 23);
    default: return false;
    }
}

void once(std::mt19937_64& random) {
    check::Input input(random);
    std::vector<ControllerAnswer> sent(1 + input.below(100));
    for (ControllerAnswer& answer : sent) {
        answer = random_answer(input);
    }
    std::vector<std::byte> bytes(sent.size() * sizeof(ControllerAnswer) + input.below(48));
    std::memcpy(bytes.data(), sent.data(), sent.size() * sizeof(ControllerAnswer));
    AnswerReader reader;
    std::size_t position = 0;
    std::size_t next_answer = 0;
    while (position < bytes.size()) {
        const auto room = reader.room();
        CHECK(!room.empty());
        const std::size_t most = std::min(room.size(), bytes.size() - position);
        const std::size_t piece = input.one_in(3) ? most : 1 + input.below(most);
        std::memcpy(room.data(), bytes.data() + position, piece);
        position += piece;
        reader.arrived(piece);
        for (;;) {
            ControllerAnswer answer;
            const AnswerReader::Next next = reader.next(answer);
            if (next == AnswerReader::Next::nothing) {
                break;
            }
            CHECK(next_answer < sent.size());
            CHECK(std::memcmp(&answer, &sent[next_answer], sizeof(answer)) == 0);
            ++next_answer;
            CHECK((next == AnswerReader::Next::answer) == is_good_answer(answer));
            if (next == AnswerReader::Next::broken) {
                return; // the connection ends here
            }
            CHECK(can_be_carried_out(answer));
        }
        CHECK(next_answer == position / sizeof(ControllerAnswer) || next_answer == sent.size());
    }
    CHECK(next_answer == sent.size());
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("controller messages", check::fuzz_options(argc, argv), once);
}
