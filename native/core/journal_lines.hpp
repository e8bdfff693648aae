// The text of a journal: one JSON object per line, {"sum":"<16 hex digits>","record":<record>}, where sum is the
// beginning of the SHA-256 of the record's text. Lines are only ever appended, so a process that is killed while it
// writes leaves at most a last line that is cut off; that line's step had not begun.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace winsock_spi::core {

// The line of a record, with its line end.
std::string journal_line(const json::Value& record);

struct JournalText {
    std::vector<json::Value> records; // the intact ones from the beginning
    std::size_t good_size = 0;        // bytes that they take; what follows is to be cut off
    bool damaged = false;             // more than a cut-off last line is wrong: records that mattered may be lost
};

JournalText read_journal_text(std::string_view text);

} // namespace winsock_spi::core
