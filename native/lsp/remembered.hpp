// Answers of the controller that calls coming again find: those of datagrams, by socket and destination, and of
// deferred accepts. Not thread-safe: HeldCalls guards it.
#pragma once

#include <array>
#include <cstdint>

#include "core/controller_format.hpp"
#include "hold.hpp"

namespace winsock_spi::lsp {

class RememberedAnswers {
public:
    bool empty() const { return count_ == 0; }

    // `once`: forgotten when it has been found (a rule's `otherwise`, after which the controller is asked again).
    void remember(const core::ControllerRequest& request, const HoldAnswer& answer, bool once);
    // By socket, function, remote address, rule and generation.
    bool recall(const core::ControllerRequest& request, HoldAnswer& answer);
    void forget_socket(SOCKET socket);
    // The relay's addresses are void without the controller that gave them.
    void forget_redirects();

private:
    static constexpr std::size_t bucket_count = 256;
    static constexpr std::size_t bucket_limit = 16; // what a socket that talks to everybody can cost; the oldest goes

    struct Answer {
        Answer* next;
        core::ControllerRequest request;
        HoldAnswer answer;
        bool once;
    };

    static std::size_t bucket_of(const core::ControllerRequest& request);
    Answer** find(const core::ControllerRequest& request);
    void remove(Answer** place);
    template <typename Wanted>
    void remove_all(Wanted wanted);

    std::array<Answer*, bucket_count> buckets_{};
    std::size_t count_ = 0;
};

// Whether two requests ask the same thing of the controller.
bool is_same_question(const core::ControllerRequest& a, const core::ControllerRequest& b);

} // namespace winsock_spi::lsp
