// JSON, Base64, SHA-256, GUIDs and journal lines: what plans, journals and backup files are made of.
#include "check.hpp"

#include "core/base64.hpp"
#include "core/error_names.hpp"
#include "core/guid_text.hpp"
#include "core/identity.hpp"
#include "core/journal_lines.hpp"
#include "core/json.hpp"
#include "core/sha256.hpp"

#include <cstring>
#include <string>

namespace core = winsock_spi::core;
namespace json = winsock_spi::core::json;

namespace {

std::string round_trip(std::string_view text) {
    const auto value = json::parse(text);
    return value ? json::write(*value) : "refused";
}

bool refused(std::string_view text) {
    return !json::parse(text).has_value();
}

void reads_every_kind_of_value() {
    const auto value = json::parse(R"( {"a":[1,-2.5e3,true,false,null,"x"],"b":{}} )");
    CHECK(value.has_value());
    const json::Array* items = value->find("a")->array();
    CHECK(items != nullptr && items->size() == 6);
    CHECK((*items)[0].integer() == 1);
    CHECK(!(*items)[1].integer());
    CHECK((*items)[1].number()->text == "-2.5e3");
    CHECK((*items)[2].boolean() == true);
    CHECK((*items)[3].boolean() == false);
    CHECK((*items)[4].is_null());
    CHECK(*(*items)[5].string() == "x");
    CHECK(value->find("b")->is_object());
    CHECK(value->find("c") == nullptr);
}

void keeps_order_and_spelling() {
    for (const char* text : {R"({"z":1,"a":2,"m":{"y":[],"b":{}}})", R"([0,-0,1.50,1e5,1E+5,9007199254740993])",
                             R"("")", "null", R"({"":{"":""}})", R"("\u2028 \u0000")"}) {
        CHECK(round_trip(text) == text || std::strstr(text, "2028") != nullptr);
    }
    CHECK(round_trip(R"("\u2028\u0000\u001f\u007f")") == "\"\xE2\x80\xA8\\u0000\\u001f\x7F\"");
    CHECK(round_trip(R"("\/\b\f\n\r\t\"\\")") == R"("/\b\f\n\r\t\"\\")");
}

void joins_pairs_of_surrogates_and_keeps_single_ones() {
    CHECK(round_trip(R"("\ud83d\ude00")") == "\"\xF0\x9F\x98\x80\"");
    CHECK(round_trip(R"("\uD83D")") == R"("\ud83d")");
    CHECK(round_trip(R"("\ude00\ud83d")") == R"("\ude00\ud83d")");
    CHECK(round_trip(R"("\ud83d\u0041")") == R"("\ud83dA")");
    CHECK(round_trip(R"("\ud83d\ud83d\ude00")") == "\"\\ud83d\xF0\x9F\x98\x80\"");
    CHECK(round_trip(R"("\ud83d\n")") == R"("\ud83d\n")");
}

void refuses_what_is_not_json() {
    for (const char* text : {"",          " ",
                             "{",         "[",
                             "\"",        "{\"a\"}",
                             "{\"a\":}",  "{a:1}",
                             "[1,]",      "{\"a\":1,}",
                             "01",        "-",
                             "1.",        ".5",
                             "1e",        "+1",
                             "tru",       "nul",
                             "NaN",       "[1]]",
                             "1 2",       "\"\\x\"",
                             "\"\\u12\"", "\"\t\"",
                             "'a'",       "{\"a\":1,\"a\":2}",
                             "//",        "\xEF\xBB\xBF{}"}) {
        CHECK(refused(text));
    }
}

void refuses_bytes_that_are_not_utf8() {
    for (const char* text :
         {"\"\x80\"", "\"\xC0\x80\"", "\"\xC3\"", "\"\xE0\x80\x80\"", "\"\xED\xA0\x80\"", "\"\xF0\x80\x80\x80\"",
          "\"\xF4\x90\x80\x80\"", "\"\xF5\x80\x80\x80\"", "\"\xE2\x82\"", "\"\xE2\x82"}) {
        CHECK(refused(text));
    }
    CHECK(round_trip("\"\xC3\xA4\xE2\x82\xAC\xF4\x8F\xBF\xBF\"") == "\"\xC3\xA4\xE2\x82\xAC\xF4\x8F\xBF\xBF\"");
}

void keeps_to_its_limits() {
    CHECK(!refused(std::string(64, '[') + std::string(64, ']')));
    CHECK(refused(std::string(65, '[') + std::string(65, ']')));
    CHECK(refused(std::string(1000000, '[')));
    CHECK(!json::parse("[1,2,3]", nullptr, {.size = 6}).has_value());
    CHECK(json::parse("[1,2,3]", nullptr, {.size = 7}).has_value());
    CHECK(!json::parse("[1,2,3]", nullptr, {.values = 3}).has_value());
    json::Error error;
    CHECK(!json::parse("[1,x]", &error).has_value());
    CHECK(error.offset == 3);
}

void reads_integers_that_64_bits_hold() {
    CHECK(json::parse("9223372036854775807")->integer() == INT64_MAX);
    CHECK(json::parse("-9223372036854775808")->integer() == INT64_MIN);
    CHECK(!json::parse("9223372036854775808")->integer());
    CHECK(!json::parse("1.0")->integer());
}

void builds_values() {
    json::Value value;
    value.add("list", json::Array{1, "two", true, json::Value()});
    value.add("n", std::uint32_t{4294967295u});
    CHECK(json::write(value) == R"({"list":[1,"two",true,null],"n":4294967295})");
}

void encodes_and_decodes_base64() {
    const std::vector<std::uint8_t> bytes{0, 255, 16, 32, 63, 62, 1};
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        const std::vector<std::uint8_t> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        CHECK(core::decode_base64(core::encode_base64(part)) == part);
    }
    const std::vector<std::uint8_t> text{'f', 'o', 'o', 'b'};
    CHECK(core::encode_base64(text) == "Zm9vYg==");
    for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "=AAA", "Zg==Zg==", "Z===", "Zm 9", "Zm9-"}) {
        CHECK(!core::decode_base64(bad).has_value());
    }
}

void hashes_as_the_standard_says() {
    CHECK(core::sha256_hex(std::string_view("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(core::sha256_hex(std::string_view("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(core::sha256_hex(std::string(1000000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK(core::sha256_hex(std::string_view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

std::string three_lines() {
    std::string text;
    for (int i = 0; i < 3; ++i) {
        json::Value record;
        record.add("index", i);
        text += core::journal_line(record);
    }
    return text;
}

void a_journal_cut_anywhere_loses_only_its_last_line() {
    const std::string text = three_lines();
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto journal = core::read_journal_text(std::string_view(text).substr(0, size));
        CHECK(!journal.damaged);
        CHECK(journal.records.size() == size * 3 / text.size());
        CHECK(journal.good_size == journal.records.size() * text.size() / 3);
    }
    const auto zeros = core::read_journal_text(text.substr(0, text.size() - 5) + std::string(100, '\0'));
    CHECK(!zeros.damaged && zeros.records.size() == 2);
}

void a_journal_changed_in_the_middle_is_damaged() {
    const std::string text = three_lines();
    const std::size_t line = text.size() / 3;
    // Up to the line end of the last line but one: without it two lines are one that could be cut off.
    for (std::size_t at = 0; at + 1 < 2 * line; ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        const auto journal = core::read_journal_text(changed);
        CHECK(journal.damaged && journal.records.size() == at / line);
    }
}

void names_errors() {
    CHECK(std::strcmp(core::error_name(10013), "WSAEACCES") == 0);
    CHECK(std::strcmp(core::error_name(5), "ERROR_ACCESS_DENIED") == 0);
    CHECK(core::error_name(99999) == nullptr);
}

void writes_and_reads_guids() {
    const char* text = "{7C1E5A3D-0002-0106-9B42-D6F03E8A51C7}";
    CHECK(core::format_guid(core::layered_entry_guid(2, 1, 6)) == text);
    CHECK(core::parse_guid(text) == core::layered_entry_guid(2, 1, 6));
    CHECK(core::parse_guid("{7c1e5a3d-0002-0106-9b42-d6f03e8a51c7}") == core::layered_entry_guid(2, 1, 6));
    for (const char* bad : {"", "7C1E5A3D-0002-0106-9B42-D6F03E8A51C7", "{7C1E5A3D-0002-0106-9B42-D6F03E8A51C7",
                            "{7C1E5A3D-0002-0106-9B42-D6F03E8A51CG}", "{7C1E5A3D-0002-0106-9B42D-6F03E8A51C7}",
                            "{7C1E5A3D-0002-0106-9B42-D6F03E8A51C77}"}) {
        CHECK(!core::parse_guid(bad).has_value());
    }
}

} // namespace

int main() {
    check::run("json reads every kind of value", reads_every_kind_of_value);
    check::run("json keeps the order of members and the spelling of numbers", keeps_order_and_spelling);
    check::run("json joins pairs of surrogates and keeps single ones", joins_pairs_of_surrogates_and_keeps_single_ones);
    check::run("json refuses what is not JSON", refuses_what_is_not_json);
    check::run("json refuses bytes that are not UTF-8", refuses_bytes_that_are_not_utf8);
    check::run("json keeps to its limits", keeps_to_its_limits);
    check::run("json reads integers that 64 bits hold", reads_integers_that_64_bits_hold);
    check::run("json builds values", builds_values);
    check::run("base64 encodes, decodes and refuses", encodes_and_decodes_base64);
    check::run("sha256 hashes as the standard says", hashes_as_the_standard_says);
    check::run("a journal cut anywhere loses only its last line", a_journal_cut_anywhere_loses_only_its_last_line);
    check::run("a journal changed in the middle is damaged", a_journal_changed_in_the_middle_is_damaged);
    check::run("GUIDs are written and read", writes_and_reads_guids);
    check::run("error numbers have their Windows names", names_errors);
    return check::result();
}
