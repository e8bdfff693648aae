// Answers of the controller that calls coming again find; see remembered.hpp.
#include "remembered.hpp"

#include <cstring>

namespace winsock_spi::lsp {

bool is_same_question(const core::ControllerRequest& a, const core::ControllerRequest& b) {
    return a.socket == b.socket && a.call == b.call && a.rule == b.rule && a.generation == b.generation &&
           std::memcmp(&a.remote, &b.remote, sizeof(a.remote)) == 0;
}

std::size_t RememberedAnswers::bucket_of(const core::ControllerRequest& request) {
    std::uint32_t hash = static_cast<std::uint32_t>(request.socket >> 2) + request.remote.port;
    for (const std::uint8_t byte : request.remote.bytes) {
        hash = hash * 31 + byte;
    }
    return (hash ^ hash >> 8 ^ hash >> 16) % bucket_count;
}

RememberedAnswers::Answer** RememberedAnswers::find(const core::ControllerRequest& request) {
    for (Answer** place = &buckets_[bucket_of(request)]; *place != nullptr; place = &(*place)->next) {
        if (is_same_question((*place)->request, request)) {
            return place;
        }
    }
    return nullptr;
}

void RememberedAnswers::remove(Answer** place) {
    Answer* const old = *place;
    *place = old->next;
    HeapFree(GetProcessHeap(), 0, old);
    --count_;
}

void RememberedAnswers::remember(const core::ControllerRequest& request, const HoldAnswer& answer, bool once) {
    if (Answer** const known = find(request); known != nullptr) {
        (*known)->answer = answer;
        (*known)->once = once;
        return;
    }
    auto* const made = static_cast<Answer*>(HeapAlloc(GetProcessHeap(), 0, sizeof(Answer)));
    if (made == nullptr) {
        return; // the next call asks again
    }
    Answer*& first = buckets_[bucket_of(request)];
    *made = {first, request, answer, once};
    first = made;
    ++count_;
    std::size_t length = 0;
    for (Answer** place = &first; *place != nullptr; place = &(*place)->next) {
        if (++length > bucket_limit) {
            remove(place);
            return;
        }
    }
}

bool RememberedAnswers::recall(const core::ControllerRequest& request, HoldAnswer& answer) {
    Answer** const place = count_ == 0 ? nullptr : find(request);
    if (place == nullptr) {
        return false;
    }
    answer = (*place)->answer;
    if ((*place)->once) {
        remove(place);
    }
    return true;
}

template <typename Wanted>
void RememberedAnswers::remove_all(Wanted wanted) {
    for (std::size_t index = 0; index < bucket_count && count_ != 0; ++index) {
        for (Answer** place = &buckets_[index]; *place != nullptr;) {
            if (wanted(**place)) {
                remove(place);
            } else {
                place = &(*place)->next;
            }
        }
    }
}

void RememberedAnswers::forget_socket(SOCKET socket) {
    remove_all([&](const Answer& answer) { return answer.request.socket == socket; });
}

void RememberedAnswers::forget_redirects() {
    remove_all([](const Answer& answer) { return answer.answer.action == core::VerdictKind::redirect; });
}

} // namespace winsock_spi::lsp
