// The function tables that we give away; see functions.hpp. Generated: for each slot and each function one small
// function that knows its slot. Unobserved and without a policy, it is one test and a jump into the lower provider.
#include "functions.hpp"

#include <bit>
#include <tuple>
#include <type_traits>
#include <utility>

#include "extension.hpp"
#include "handlers.hpp"
#include "process.hpp"
#include "recording.hpp"

// One copy of a handler for all slots: only the test and the jump are there 32 times.
#if defined(_MSC_VER)
#define WINSOCK_SPI_OUT_OF_LINE __declspec(noinline)
#else
#define WINSOCK_SPI_OUT_OF_LINE [[gnu::noinline]]
#endif

namespace winsock_spi::lsp {

namespace {

using core::Call;

// The lpErrno of a call: the last parameter of all 30 functions.
template <typename... Parameters>
int* errno_of(Parameters... parameters) {
    return std::get<sizeof...(Parameters) - 1>(std::tuple(parameters...));
}

template <typename First, typename... Others>
SOCKET socket_of(First first, Others...) {
    if constexpr (std::is_same_v<First, SOCKET>) {
        return first;
    } else {
        return 0; // AddressToString, CancelBlockingCall, Select, StringToAddress: no socket, or several
    }
}

// Traits of a function: `Pointer`, `lower(slot)`, `failure`.
template <Call Id>
struct Function;
#define WINSOCK_SPI_TRAITS(name, failed)                                                                               \
    template <>                                                                                                        \
    struct Function<Call::name> {                                                                                      \
        using Pointer = decltype(WSPPROC_TABLE::lp##name);                                                             \
        static Pointer lower(const Slot& slot) {                                                                       \
            return slot.lower.lp##name;                                                                                \
        }                                                                                                              \
        static constexpr auto failure = failed;                                                                        \
    };
WINSOCK_SPI_PROVIDER_FUNCTIONS(WINSOCK_SPI_TRAITS)
#undef WINSOCK_SPI_TRAITS

// When a function's handler is called instead of the lower provider's function.
struct Always {};
struct Observed {
    static std::uint32_t enters() { return process.recorder.watchers(); }
};
struct Decided { // notes outlive the policy they were made under
    static std::uint32_t enters() {
        return process.recorder.watchers() | process.policy.generation() | process.policy.notes_expected();
    }
};
struct Noted {
    static std::uint32_t enters() { return process.recorder.watchers() | process.policy.notes_expected(); }
};

// What is done with a function that has no handler of its own: it is recorded with what the socket's cache knows.
template <Call Id>
struct Handler {
    using When = Observed;

    template <typename... Parameters>
    WINSOCK_SPI_OUT_OF_LINE static auto run(Slot& slot, Parameters... parameters) {
        const SOCKET socket = socket_of(parameters...);
        Recording recording(Id, socket);
        const auto result = Function<Id>::lower(slot)(parameters...);
        recording.returned(result == Function<Id>::failure, errno_of(parameters...));
        if (recording.active() && socket != 0) {
            recording.add_cached_addresses(process.sockets.find(socket));
        }
        return result;
    }
};

using handled_always = Always;
using handled_observed = Observed;
using handled_decided = Decided;
using handled_noted = Noted;
#define WINSOCK_SPI_HANDLER(name, when)                                                                                \
    template <>                                                                                                        \
    struct Handler<Call::name> {                                                                                       \
        using When = handled_##when;                                                                                   \
        template <typename... Parameters>                                                                              \
        static auto run(Slot& slot, Parameters... parameters) {                                                        \
            return on_##name(slot, parameters...);                                                                     \
        }                                                                                                              \
    };
WINSOCK_SPI_HANDLERS(WINSOCK_SPI_HANDLER)
#undef WINSOCK_SPI_HANDLER

template <std::size_t Index, Call Id, typename Pointer>
struct Entry;

template <std::size_t Index, Call Id, typename Result, typename... Parameters>
struct Entry<Index, Id, Result(WSPAPI*)(Parameters...)> {
    static Result WSPAPI call(Parameters... parameters) {
        if constexpr (std::is_same_v<typename Handler<Id>::When, Always>) {
            return handle(parameters...);
        } else {
            // One call for both ways: so the compiler leaves the parameters where they are and jumps.
            auto target = Function<Id>::lower(process.slots[Index]);
            if (Handler<Id>::When::enters() != 0) [[unlikely]] {
                target = &handle;
            }
            return target(parameters...);
        }
    }

    static Result WSPAPI handle(Parameters... parameters) {
        return Handler<Id>::run(process.slots[Index], parameters...);
    }
};

template <Call Id, typename Pointer>
struct Closed;

template <Call Id, typename Result, typename... Parameters>
struct Closed<Id, Result(WSPAPI*)(Parameters...)> {
    static Result WSPAPI call(Parameters... parameters) {
        *errno_of(parameters...) = WSANOTINITIALISED;
        return Function<Id>::failure;
    }
};

template <std::size_t Index>
constexpr WSPPROC_TABLE make_functions() {
    WSPPROC_TABLE table{};
#define WINSOCK_SPI_SET(name, failed) table.lp##name = &Entry<Index, Call::name, decltype(table.lp##name)>::call;
    WINSOCK_SPI_PROVIDER_FUNCTIONS(WINSOCK_SPI_SET)
#undef WINSOCK_SPI_SET
    return table;
}

constexpr WSPPROC_TABLE make_closed_functions() {
    WSPPROC_TABLE table{};
#define WINSOCK_SPI_SET(name, failed) table.lp##name = &Closed<Call::name, decltype(table.lp##name)>::call;
    WINSOCK_SPI_PROVIDER_FUNCTIONS(WINSOCK_SPI_SET)
#undef WINSOCK_SPI_SET
    return table;
}

template <std::size_t... Indexes>
constexpr std::array<WSPPROC_TABLE, sizeof...(Indexes)> make_all_functions(std::index_sequence<Indexes...>) {
    return {make_functions<Indexes>()...};
}

constexpr auto all_functions = make_all_functions(std::make_index_sequence<slot_count>());

// --- extension functions ---

template <std::size_t Index, std::size_t Extension, auto Handle, typename Pointer>
struct ExtensionEntry;

template <std::size_t Index, std::size_t Extension, auto Handle, typename Result, typename... Parameters>
struct ExtensionEntry<Index, Extension, Handle, Result(WSPAPI*)(SOCKET, Parameters...)> {
    using Pointer = Result(WSPAPI*)(SOCKET, Parameters...);

    static Result WSPAPI call(SOCKET socket, Parameters... parameters) {
        const ExtensionTarget target = find_extension(process.slots[Index], Extension, socket);
        if (target.function == nullptr) [[unlikely]] {
            SetLastError(WSANOTINITIALISED); // called after the last WSACleanup
            return std::is_same_v<Pointer, LPFN_WSARECVMSG> || std::is_same_v<Pointer, LPFN_WSASENDMSG> ? SOCKET_ERROR
                                                                                                        : FALSE;
        }
        return Handle(target.slot, std::bit_cast<Pointer>(target.function), socket, parameters...);
    }
};

enum class ExtensionIndex : std::size_t {
#define WINSOCK_SPI_INDEX(name, guid, pointer, failure) name,
    WINSOCK_SPI_EXTENSIONS(WINSOCK_SPI_INDEX)
#undef WINSOCK_SPI_INDEX
};

template <std::size_t Index>
FARPROC wrapper_of_slot(std::size_t extension) {
    switch (static_cast<ExtensionIndex>(extension)) {
#define WINSOCK_SPI_CASE(name, guid, pointer, failure)                                                                 \
    case ExtensionIndex::name:                                                                                         \
        return std::bit_cast<FARPROC>(                                                                                 \
            &ExtensionEntry<Index, static_cast<std::size_t>(ExtensionIndex::name), &on_##name, pointer>::call);
        WINSOCK_SPI_EXTENSIONS(WINSOCK_SPI_CASE)
#undef WINSOCK_SPI_CASE
    }
    return nullptr;
}

template <std::size_t... Indexes>
FARPROC wrapper(std::size_t slot, std::size_t extension, std::index_sequence<Indexes...>) {
    FARPROC found = nullptr;
    (void)((slot == Indexes && (found = wrapper_of_slot<Indexes>(extension), true)) || ...);
    return found;
}

} // namespace

constexpr WSPPROC_TABLE closed_functions = make_closed_functions();

const WSPPROC_TABLE& functions_of(const Slot& slot) {
    return all_functions[slot.index];
}

FARPROC extension_wrapper(const Slot& slot, std::size_t extension) {
    return wrapper(slot.index, extension, std::make_index_sequence<slot_count>());
}

} // namespace winsock_spi::lsp
