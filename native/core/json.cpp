#include "json.hpp"

#include <charconv>
#include <unordered_set>

namespace winsock_spi::core::json {

std::optional<bool> Value::boolean() const {
    const bool* value = std::get_if<bool>(&data_);
    return value != nullptr ? std::optional<bool>(*value) : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const {
    const Number* spelled = number();
    if (spelled == nullptr) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const char* end = spelled->text.data() + spelled->text.size();
    const auto [stop, error] = std::from_chars(spelled->text.data(), end, value);
    return error == std::errc{} && stop == end ? std::optional<std::int64_t>(value) : std::nullopt;
}

const Value* Value::find(std::string_view name) const {
    if (const Object* members = object()) {
        for (const Member& member : *members) {
            if (member.first == name) {
                return &member.second;
            }
        }
    }
    return nullptr;
}

void Value::add(std::string name, Value value) {
    if (is_null()) {
        data_ = Object{};
    }
    std::get<Object>(data_).emplace_back(std::move(name), std::move(value));
}

void Value::push(Value value) {
    if (is_null()) {
        data_ = Array{};
    }
    std::get<Array>(data_).push_back(std::move(value));
}

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

class Parser {
public:
    Parser(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

    std::optional<Value> run(Error* error) {
        Value value;
        bool good = true;
        if (text_.size() > limits_.size) {
            good = fail("the text is too long");
        }
        good = good && parse_value(value, 0);
        if (good) {
            skip_space();
            if (at_ != text_.size()) {
                good = fail("something follows the value");
            }
        }
        if (!good) {
            if (error != nullptr) {
                *error = {at_, what_};
            }
            return std::nullopt;
        }
        return value;
    }

private:
    bool fail(const char* what) {
        what_ = what;
        return false;
    }

    int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }

    bool take(char c) {
        if (peek() != static_cast<unsigned char>(c)) {
            return false;
        }
        ++at_;
        return true;
    }

    void skip_space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            ++at_;
        }
    }

    bool parse_word(std::string_view word, Value value, Value& out) {
        if (text_.substr(at_, word.size()) != word) {
            return fail("expected a value");
        }
        at_ += word.size();
        out = std::move(value);
        return true;
    }

    bool parse_value(Value& out, unsigned depth) {
        if (++values_ > limits_.values) {
            return fail("too many values");
        }
        skip_space();
        switch (peek()) {
        case '{': return parse_object(out, depth + 1);
        case '[': return parse_array(out, depth + 1);
        case '"': {
            std::string text;
            if (!parse_string(text)) {
                return false;
            }
            out = Value(std::move(text));
            return true;
        }
        case 't': return parse_word("true", Value(true), out);
        case 'f': return parse_word("false", Value(false), out);
        case 'n': return parse_word("null", Value(), out);
        default: return parse_number(out);
        }
    }

    bool digits() {
        const std::size_t begin = at_;
        while (peek() >= '0' && peek() <= '9') {
            ++at_;
        }
        return at_ > begin;
    }

    bool parse_number(Value& out) {
        const std::size_t begin = at_;
        take('-');
        if (!take('0') && !digits()) {
            return fail("expected a value");
        }
        if (take('.') && !digits()) {
            return fail("expected a digit");
        }
        if (take('e') || take('E')) {
            if (!take('+')) {
                take('-');
            }
            if (!digits()) {
                return fail("expected a digit");
            }
        }
        out = Value(Number{std::string(text_.substr(begin, at_ - begin))});
        return true;
    }

    bool parse_hex(std::uint32_t& unit) {
        unit = 0;
        for (int i = 0; i < 4; ++i) {
            const int c = peek();
            int digit = 0;
            if (c >= '0' && c <= '9') {
                digit = c - '0';
            } else if (c >= 'a' && c <= 'f') {
                digit = c - 'a' + 10;
            } else if (c >= 'A' && c <= 'F') {
                digit = c - 'A' + 10;
            } else {
                return fail("expected four hexadecimal digits");
            }
            unit = unit << 4 | static_cast<std::uint32_t>(digit);
            ++at_;
        }
        return true;
    }

    bool parse_escape(std::string& out) {
        const int c = peek();
        if (c < 0) {
            return fail("the string does not end");
        }
        ++at_;
        switch (c) {
        case '"':
        case '\\':
        case '/': out += static_cast<char>(c); return true;
        case 'b': out += '\b'; return true;
        case 'f': out += '\f'; return true;
        case 'n': out += '\n'; return true;
        case 'r': out += '\r'; return true;
        case 't': out += '\t'; return true;
        case 'u': break;
        default: return fail("unknown escape");
        }
        std::uint32_t unit = 0;
        if (!parse_hex(unit)) {
            return false;
        }
        // A high surrogate makes a pair only with an escaped low one right behind it; else it stands alone.
        if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
            const std::size_t before = at_;
            at_ += 2;
            std::uint32_t low = 0;
            if (!parse_hex(low)) {
                return false;
            }
            if (low >= 0xDC00 && low < 0xE000) {
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            } else {
                at_ = before;
            }
        }
        append_utf8(out, unit);
        return true;
    }

    // Copies one UTF-8 sequence of two to four bytes.
    bool parse_sequence(std::string& out) {
        const unsigned lead = static_cast<unsigned>(peek());
        const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                                   : lead >= 0xE0 && lead < 0xF0 ? 3
                                   : lead >= 0xF0 && lead < 0xF5 ? 4
                                                                 : 0;
        if (length == 0 || at_ + length > text_.size()) {
            return fail("not UTF-8");
        }
        const unsigned second = static_cast<unsigned char>(text_[at_ + 1]);
        // Overlong forms, surrogates, and what lies beyond U+10FFFF show in the second byte.
        const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (second < low || second > high) {
            return fail("not UTF-8");
        }
        for (std::size_t i = 2; i < length; ++i) {
            if ((static_cast<unsigned char>(text_[at_ + i]) & 0xC0) != 0x80) {
                return fail("not UTF-8");
            }
        }
        out.append(text_.substr(at_, length));
        at_ += length;
        return true;
    }

    bool parse_string(std::string& out) {
        ++at_; // the quotation mark
        for (;;) {
            const int c = peek();
            if (c < 0) {
                return fail("the string does not end");
            }
            if (c < 0x20) {
                return fail("control character in a string");
            }
            if (c >= 0x80) {
                if (!parse_sequence(out)) {
                    return false;
                }
                continue;
            }
            ++at_;
            if (c == '"') {
                return true;
            }
            if (c != '\\') {
                out += static_cast<char>(c);
            } else if (!parse_escape(out)) {
                return false;
            }
        }
    }

    bool parse_array(Value& out, unsigned depth) {
        if (depth > limits_.depth) {
            return fail("nested too deeply");
        }
        ++at_;
        Array items;
        skip_space();
        if (!take(']')) {
            do {
                items.emplace_back();
                if (!parse_value(items.back(), depth)) {
                    return false;
                }
                skip_space();
            } while (take(','));
            if (!take(']')) {
                return fail("expected , or ]");
            }
        }
        out = Value(std::move(items));
        return true;
    }

    bool parse_object(Value& out, unsigned depth) {
        if (depth > limits_.depth) {
            return fail("nested too deeply");
        }
        ++at_;
        Object members;
        std::unordered_set<std::string> names;
        skip_space();
        if (!take('}')) {
            do {
                skip_space();
                if (peek() != '"') {
                    return fail("expected a member name");
                }
                std::string name;
                if (!parse_string(name)) {
                    return false;
                }
                if (!names.insert(name).second) {
                    return fail("a member is repeated");
                }
                skip_space();
                if (!take(':')) {
                    return fail("expected :");
                }
                members.emplace_back(std::move(name), Value());
                if (!parse_value(members.back().second, depth)) {
                    return false;
                }
                skip_space();
            } while (take(','));
            if (!take('}')) {
                return fail("expected , or }");
            }
        }
        out = Value(std::move(members));
        return true;
    }

    std::string_view text_;
    const Limits& limits_;
    std::size_t at_ = 0;
    std::size_t values_ = 0;
    const char* what_ = "";
};

} // namespace

std::optional<Value> parse(std::string_view text, Error* error, const Limits& limits) {
    return Parser(text, limits).run(error);
}

} // namespace winsock_spi::core::json
