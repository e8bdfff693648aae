// Mutated JSON and journal texts: no crash, no hang, and what is accepted is written back to the same value.
#include "check.hpp"

#include "core/base64.hpp"
#include "core/journal_lines.hpp"
#include "core/json.hpp"

#include <string>

namespace core = winsock_spi::core;
namespace json = winsock_spi::core::json;

namespace {

constexpr const char* seeds[] = {
    R"({"format":"winsock-spi-plan","version":1,"steps":[{"do":"make-folder","path":"C:\\x","access":"data"}]})",
    R"({"values":{"Num":{"type":4,"data":"BgAAAA=="}},"keys":{"000000000001":{"values":{},"keys":{}}}})",
    R"(["\ud83d\ude00","\ud83d",1.5e-10,-0,true,false,null,[[[[]]]],{"a":{"b":{}}}])",
    "\"\xE2\x82\xAC\xF0\x9F\x98\x80 \\u0000\\n\"",
};

std::string mutate(std::string text, std::mt19937_64& random) {
    static constexpr char interesting[] = "{}[]\",:\\u0123eE+-.tfn \n\x80\xC3\xED\xF0\xFF";
    const auto changes = 1 + random() % 8;
    for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
        const std::size_t at = random() % text.size();
        const char c = interesting[random() % (sizeof(interesting) - 1)];
        switch (random() % 5) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1 + random() % 3, c); break;
        case 2: text.erase(at, 1 + random() % 4); break;
        case 3: text[at] = static_cast<char>(random()); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 32));
        }
    }
    return text;
}

void one_json(std::mt19937_64& random) {
    const std::string text = mutate(seeds[random() % std::size(seeds)], random);
    const auto value = json::parse(text);
    if (value) {
        const std::string written = json::write(*value);
        const auto again = json::parse(written);
        CHECK(again.has_value());
        CHECK(again.has_value() && *again == *value && json::write(*again) == written);
    }
    if (const auto bytes = core::decode_base64(text)) {
        CHECK(core::encode_base64(*bytes) == text);
    }
}

void one_journal(std::mt19937_64& random) {
    std::string text;
    for (std::uint64_t i = 0, count = random() % 4; i < count; ++i) {
        json::Value record;
        record.add("index", static_cast<std::int64_t>(random() % 100));
        text += core::journal_line(record);
    }
    text = mutate(text, random);
    const auto journal = core::read_journal_text(text);
    CHECK(journal.good_size <= text.size());
    // The intact part reads the same by itself.
    const auto part = core::read_journal_text(std::string_view(text).substr(0, journal.good_size));
    CHECK(!part.damaged && part.records == journal.records && part.good_size == journal.good_size);
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("fuzz_json", check::fuzz_options(argc, argv), [](std::mt19937_64& random) {
        if (random() % 4 == 0) {
            one_journal(random);
        } else {
            one_json(random);
        }
    });
}
