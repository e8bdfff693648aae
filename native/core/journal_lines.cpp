#include "journal_lines.hpp"

#include "sha256.hpp"

namespace winsock_spi::core {
namespace {

constexpr std::size_t sum_length = 16;

bool read_line(std::string_view line, json::Value& record) {
    const std::optional<json::Value> value = json::parse(line);
    if (!value) {
        return false;
    }
    const json::Value* sum = value->find("sum");
    const json::Value* found = value->find("record");
    if (sum == nullptr || sum->string() == nullptr || found == nullptr ||
        *sum->string() != sha256_hex(json::write(*found)).substr(0, sum_length)) {
        return false;
    }
    record = *found;
    return true;
}

} // namespace

std::string journal_line(const json::Value& record) {
    const std::string text = json::write(record);
    return "{\"sum\":\"" + sha256_hex(text).substr(0, sum_length) + "\",\"record\":" + text + "}\n";
}

JournalText read_journal_text(std::string_view text) {
    JournalText journal;
    while (journal.good_size < text.size()) {
        const std::string_view rest = text.substr(journal.good_size);
        const std::size_t end = rest.find('\n');
        json::Value record;
        if (end == std::string_view::npos || !read_line(rest.substr(0, end), record)) {
            // A cut-off line is the last one. Some file systems fill the end of a file that was growing with zeros.
            const std::size_t next = end == std::string_view::npos ? rest.size() : end + 1;
            journal.damaged = rest.substr(next).find_first_not_of('\0') != std::string_view::npos;
            return journal;
        }
        journal.records.push_back(std::move(record));
        journal.good_size += end + 1;
    }
    return journal;
}

} // namespace winsock_spi::core
