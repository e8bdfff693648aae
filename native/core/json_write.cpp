// Writing JSON as JSON.stringify does.
#include "json.hpp"

namespace winsock_spi::core::json {
namespace {

void append_escaped(std::string& out, std::uint32_t unit) {
    static constexpr char hex[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out += hex[unit >> shift & 0xF];
    }
}

void write_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const unsigned c = static_cast<unsigned char>(text[i]);
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (c < 0x20) {
                append_escaped(out, c);
            } else if (c == 0xED && i + 2 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xA0) {
                const unsigned second = static_cast<unsigned char>(text[i + 1]);
                const unsigned third = static_cast<unsigned char>(text[i + 2]);
                append_escaped(out, 0xD000u | (second & 0x3F) << 6 | (third & 0x3F));
                i += 2;
            } else {
                out += static_cast<char>(c);
            }
        }
    }
    out += '"';
}

void write_value(std::string& out, const Value& value) {
    if (const std::string* text = value.string()) {
        write_string(out, *text);
    } else if (const Number* number = value.number()) {
        out += number->text;
    } else if (const std::optional<bool> truth = value.boolean()) {
        out += *truth ? "true" : "false";
    } else if (const Array* items = value.array()) {
        out += '[';
        for (std::size_t i = 0; i < items->size(); ++i) {
            if (i > 0) {
                out += ',';
            }
            write_value(out, (*items)[i]);
        }
        out += ']';
    } else if (const Object* members = value.object()) {
        out += '{';
        for (std::size_t i = 0; i < members->size(); ++i) {
            if (i > 0) {
                out += ',';
            }
            write_string(out, (*members)[i].first);
            out += ':';
            write_value(out, (*members)[i].second);
        }
        out += '}';
    } else {
        out += "null";
    }
}

} // namespace

std::string write(const Value& value) {
    std::string out;
    write_value(out, value);
    return out;
}

} // namespace winsock_spi::core::json
