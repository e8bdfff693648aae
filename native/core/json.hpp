// A small strict JSON reader and writer (RFC 8259) for plans, journals and backup files. It keeps the order of members
// and the spelling of numbers, so that write(parse(text)) is JSON.stringify(JSON.parse(text)) for what JSON.stringify
// wrote: checksums are made over that text. Input is hostile: depth, size and the number of values are limited,
// repeated members and bytes that are not UTF-8 are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace winsock_spi::core::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;

// A number as it is spelled.
struct Number {
    std::string text;
    friend bool operator==(const Number&, const Number&) = default;
};

class Value {
public:
    Value() = default; // null
    Value(bool value) : data_(value) {}
    Value(std::int64_t value) : data_(Number{std::to_string(value)}) {}
    Value(std::uint32_t value) : Value(static_cast<std::int64_t>(value)) {}
    Value(int value) : Value(static_cast<std::int64_t>(value)) {}
    Value(std::string value) : data_(std::move(value)) {}
    Value(std::string_view value) : data_(std::string(value)) {}
    Value(const char* value) : data_(std::string(value)) {}
    Value(Number value) : data_(std::move(value)) {}
    Value(Array value) : data_(std::move(value)) {}
    Value(Object value) : data_(std::move(value)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
    bool is_object() const { return std::holds_alternative<Object>(data_); }

    // nullptr / nullopt where the value is of another kind.
    const std::string* string() const { return std::get_if<std::string>(&data_); }
    const Array* array() const { return std::get_if<Array>(&data_); }
    const Object* object() const { return std::get_if<Object>(&data_); }
    const Number* number() const { return std::get_if<Number>(&data_); }
    std::optional<bool> boolean() const;
    // The number where it is an integer (no fraction, no exponent) that 64 bits can hold.
    std::optional<std::int64_t> integer() const;

    // The member of that name; nullptr where there is none or this is no object.
    const Value* find(std::string_view name) const;

    // Appends a member or item; the value must be of that kind, or null, which becomes one.
    void add(std::string name, Value value);
    void push(Value value);

    friend bool operator==(const Value&, const Value&) = default;

private:
    std::variant<std::monostate, bool, Number, std::string, Array, Object> data_;
};

struct Limits {
    std::size_t size = std::size_t{64} << 20; // bytes of text
    unsigned depth = 64;                      // arrays and objects within each other
    std::size_t values = 4'000'000;
};

struct Error {
    std::size_t offset = 0; // in bytes
    const char* what = "";  // "expected a value"
};

// nullopt and `error` filled where the text is not exactly one JSON value.
std::optional<Value> parse(std::string_view text, Error* error = nullptr, const Limits& limits = {});

// Without spaces, escaped as JSON.stringify does. Strings are UTF-8 in which unpaired surrogates stand as three bytes;
// those are written as \udXXX.
std::string write(const Value& value);

} // namespace winsock_spi::core::json
