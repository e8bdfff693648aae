// Cases and assertions of the Winsock conformance suite.
//
//   CONFORMANCE_CASE("listen", "an unbound socket") { fails("WSAEINVAL", listen(socket.get(), 1), WSAEINVAL); }
//
// What a case expects is what Microsoft's documentation says; the page is named in a comment of the case. Where Wine
// itself does otherwise, the assertion is marked with on_wine(what Wine does, evidence): that is accepted under Wine
// only, and printed. The id of an assertion is "group / case / text"; an id used twice is a failure, so a loop puts its
// parameter into the text. Only Windows SDK headers: the suite sees Winsock as strangers do.
#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace conformance {

using Location = std::source_location;

// Whether this process runs under Wine.
bool under_wine();

// --- Cases ---

using Body = void (*)();

struct Registration {
    Registration(const char* group, const char* name, Body body, Location location = Location::current());
};

#define CONFORMANCE_JOIN_2(a, b) a##b
#define CONFORMANCE_JOIN(a, b) CONFORMANCE_JOIN_2(a, b)
#define CONFORMANCE_CASE_2(group, name, function)                                                                      \
    static void function();                                                                                            \
    static const ::conformance::Registration CONFORMANCE_JOIN(function, _registration){group, name, &function};        \
    static void function()
#define CONFORMANCE_CASE(group, name) CONFORMANCE_CASE_2(group, name, CONFORMANCE_JOIN(conformance_case_, __LINE__))

// --- What Wine does differently ---

// Instead of an error: the call works under Wine.
inline constexpr int succeeded = 0;

template <typename Value>
struct OnWine {
    Value value;
    std::string_view evidence;
};

template <typename Value>
OnWine<Value> on_wine(Value value, std::string_view evidence) {
    return {value, evidence};
}

// --- Assertions: true if it is as Windows documents ---

namespace detail {

// A value as it is printed. Numbers are compared by value whatever their types, everything else by its text.
std::string text_of(long long value);
std::string text_of(unsigned long long value);
std::string text_of(std::string_view value);

template <typename Value>
std::string describe(const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_enum_v<Value>) {
        return describe(static_cast<std::underlying_type_t<Value>>(value));
    } else if constexpr (std::is_integral_v<Value> && std::is_signed_v<Value>) {
        return text_of(static_cast<long long>(value));
    } else if constexpr (std::is_integral_v<Value>) {
        return text_of(static_cast<unsigned long long>(value));
    } else if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
        return text_of(std::string_view(value));
    } else {
        static_assert(std::is_pointer_v<Value>);
        return text_of(static_cast<unsigned long long>(reinterpret_cast<ULONG_PTR>(value)));
    }
}

// wine: what is accepted under Wine, or nullptr.
bool record(std::string_view text, const std::string& actual, const std::string& expected, const std::string* wine,
            std::string_view evidence, const Location& location);

// The outcome of a call as text: "error 10022", or "success".
std::string outcome(bool failed, int error);

} // namespace detail

// An object, so that a text that is a std::string does not bring in std::equal.
struct Equal {
    template <typename Actual, typename Expected>
    bool operator()(std::string_view text, const Actual& actual, const Expected& expected,
                    Location location = Location::current()) const {
        return detail::record(text, detail::describe(actual), detail::describe(expected), nullptr, {}, location);
    }

    template <typename Actual, typename Expected, typename Wine>
    bool operator()(std::string_view text, const Actual& actual, const Expected& expected, const OnWine<Wine>& wine,
                    Location location = Location::current()) const {
        const std::string accepted = detail::describe(wine.value);
        return detail::record(text, detail::describe(actual), detail::describe(expected), &accepted, wine.evidence,
                              location);
    }
};
inline constexpr Equal equal{};

inline bool is(std::string_view text, bool condition, Location location = Location::current()) {
    return equal(text, condition, true, location);
}

inline bool is(std::string_view text, bool condition, const OnWine<bool>& wine,
               Location location = Location::current()) {
    return equal(text, condition, true, wine, location);
}

// For calls that answer SOCKET_ERROR when they fail.
bool succeeds(std::string_view text, int result, Location location = Location::current());
bool succeeds(std::string_view text, int result, const OnWine<int>& wine, Location location = Location::current());
bool fails(std::string_view text, int result, int error, Location location = Location::current());
bool fails(std::string_view text, int result, int error, const OnWine<int>& wine,
           Location location = Location::current());

// For calls that answer INVALID_SOCKET when they fail. A socket that should not be there is closed.
bool succeeds_socket(std::string_view text, SOCKET result, Location location = Location::current());
bool fails_socket(std::string_view text, SOCKET result, int error, Location location = Location::current());
bool fails_socket(std::string_view text, SOCKET result, int error, const OnWine<int>& wine,
                  Location location = Location::current());

// For calls that answer FALSE when they fail.
bool succeeds_bool(std::string_view text, BOOL result, Location location = Location::current());
bool fails_bool(std::string_view text, BOOL result, int error, Location location = Location::current());
bool fails_bool(std::string_view text, BOOL result, int error, const OnWine<int>& wine,
                Location location = Location::current());

// What a case needs before it can assert anything: not an assertion itself, but if it is not so the case fails and
// ends.
void require(std::string_view text, bool condition, Location location = Location::current());

} // namespace conformance
