// The parts of an image by name and type. What check() has found good is read here without looking again.
#pragma once

#include "policy_format.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace winsock_spi::core {

class PolicyView {
public:
    explicit PolicyView(std::span<const std::byte> bytes) : base_(bytes.data()) {}

    const PolicyHeader& header() const { return *reinterpret_cast<const PolicyHeader*>(base_); }

    template <typename T>
    const T* array(const PolicySection& section) const {
        return reinterpret_cast<const T*>(base_ + section.offset);
    }
    template <typename T>
    std::span<const T> slice(const PolicySection& section, const PolicySlice& part) const {
        return {array<T>(section) + part.first, part.count};
    }

    std::u16string_view text(const PolicySlice& part) const {
        return {array<char16_t>(header().texts) + part.first, part.count};
    }
    std::span<const PolicyPattern> patterns(const PolicySlice& part) const {
        return slice<PolicyPattern>(header().patterns, part);
    }
    char16_t fold(char16_t c) const {
        const std::uint16_t page = array<std::uint16_t>(header().fold_pages)[c >> 8];
        if (page == 0) {
            return c;
        }
        const std::size_t at = (std::size_t{page} - 1) * 256 + (c & 0xFF);
        return static_cast<char16_t>(array<std::uint16_t>(header().fold_values)[at]);
    }

private:
    const std::byte* base_;
};

// Whether a text is what the pattern means, without regard to case.
bool matches(const PolicyView& view, const PolicyPattern& pattern, std::u16string_view text);
bool matches_any(const PolicyView& view, const PolicySlice& patterns, std::u16string_view text);

// What resolve() leaves in the caller's memory. Behind it: the numbers of the groups that apply, in order, and then a
// byte for each condition.
struct PolicyResolution {
    std::uint32_t group_count;
    std::uint32_t calls; // bits of PolicyCall that any of these groups concerns
};

// A checksum of an image's words behind its header. Four lanes, since a multiplication takes longer than the next load.
std::uint32_t policy_checksum(std::span<const std::byte> words);

} // namespace winsock_spi::core
