// The 888 bytes of a catalog entry, and how a triplet finds an entry.
#include "check.hpp"

#include "core/packed_catalog_item.hpp"
#include "core/triplet.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace core = winsock_spi::core;

namespace {

constexpr std::int32_t inet = 2;
constexpr std::int32_t inet6 = 23;
constexpr std::int32_t stream = 1;
constexpr std::int32_t datagram = 2;
constexpr std::int32_t raw = 3;

core::ProtocolInfo info_of(std::int32_t family, std::int32_t type, std::int32_t protocol) {
    core::ProtocolInfo info{};
    info.chain_length = 1;
    info.address_family = family;
    info.socket_type = type;
    info.protocol = protocol;
    info.provider_flags = core::provider_flag_matches_protocol_zero;
    std::memcpy(info.name, u"name", sizeof(u"name"));
    return info;
}

core::PackedCatalogItem good_item() {
    core::PackedCatalogItem item;
    std::memset(&item, 0xEE, sizeof(item));
    const std::string path = "%SystemRoot%\\system32\\mswsock.dll";
    CHECK(core::encode_item(path.c_str(), path.size(), info_of(inet, stream, 6), item) == core::ItemFault::none);
    return item;
}

void an_item_comes_back_as_it_was_packed() {
    const core::PackedCatalogItem item = good_item();
    core::PackedCatalogItem again;
    CHECK(core::decode_item(&item, sizeof(item), again) == core::ItemFault::none);
    CHECK(std::memcmp(&item, &again, sizeof(item)) == 0);
    CHECK(std::string(item.path) == "%SystemRoot%\\system32\\mswsock.dll");
    for (std::size_t at = std::strlen(item.path); at < core::max_item_path; ++at) {
        CHECK(item.path[at] == '\0');
    }
}

void a_value_of_another_size_is_refused() {
    const std::vector<unsigned char> bytes(2 * sizeof(core::PackedCatalogItem));
    core::PackedCatalogItem item;
    for (const std::size_t size : {0, 1, 260, 628, 887, 889, 1776}) {
        CHECK(core::decode_item(bytes.data(), size, item) == core::ItemFault::size);
    }
    CHECK(core::decode_item(bytes.data(), 888, item) == core::ItemFault::none);
}

void a_path_must_end_and_fit() {
    core::PackedCatalogItem item = good_item();
    std::memset(item.path, 'x', sizeof(item.path));
    CHECK(core::check_item(item) == core::ItemFault::path);
    item.path[259] = '\0';
    CHECK(core::check_item(item) == core::ItemFault::none);
    const std::string path(300, 'x');
    const core::ProtocolInfo info = info_of(inet, stream, 6);
    CHECK(core::encode_item(path.c_str(), 0, info, item) == core::ItemFault::path);
    CHECK(core::encode_item(path.c_str(), 259, info, item) == core::ItemFault::none);
    CHECK(core::encode_item(path.c_str(), 260, info, item) == core::ItemFault::path);
    CHECK(core::encode_item(path.c_str(), 300, info, item) == core::ItemFault::path);
}

void a_chain_has_at_most_seven_entries() {
    core::PackedCatalogItem item = good_item();
    for (std::int32_t length = 0; length <= 7; ++length) {
        item.info.chain_length = length;
        CHECK(core::check_item(item) == core::ItemFault::none);
    }
    for (const std::int32_t length :
         {-1, 8, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()}) {
        item.info.chain_length = length;
        CHECK(core::check_item(item) == core::ItemFault::chain);
    }
}

void a_name_must_end() {
    core::PackedCatalogItem item = good_item();
    for (char16_t& unit : item.info.name) {
        unit = u'x';
    }
    CHECK(core::check_item(item) == core::ItemFault::name);
    item.info.name[255] = u'\0';
    CHECK(core::check_item(item) == core::ItemFault::none);
}

core::TripletMatch match(const core::ProtocolInfo& info, std::int32_t family, std::int32_t type,
                         std::int32_t protocol) {
    return core::match_triplet(info, {family, type, protocol});
}

void a_triplet_finds_its_entry() {
    const core::ProtocolInfo tcp = info_of(inet, stream, 6);
    CHECK(match(tcp, inet, stream, 6) == core::TripletMatch::matches);
    CHECK(match(tcp, inet, stream, 0) == core::TripletMatch::matches);
    CHECK(match(tcp, inet, 0, 6) == core::TripletMatch::matches);
    CHECK(match(tcp, 0, stream, 6) == core::TripletMatch::matches);
    CHECK(match(tcp, 0, 0, 0) == core::TripletMatch::matches);
}

void what_does_not_match_says_how_far_it_came() {
    const core::ProtocolInfo tcp = info_of(inet, stream, 6);
    CHECK(match(tcp, inet6, stream, 6) == core::TripletMatch::family_differs);
    CHECK(match(tcp, inet6, datagram, 17) == core::TripletMatch::type_differs);
    CHECK(match(tcp, inet, datagram, 6) == core::TripletMatch::type_differs);
    CHECK(match(tcp, inet, datagram, 17) == core::TripletMatch::type_differs);
    CHECK(match(tcp, inet, stream, 17) == core::TripletMatch::protocol_differs);
    CHECK(core::TripletMatch::type_differs < core::TripletMatch::family_differs &&
          core::TripletMatch::family_differs < core::TripletMatch::protocol_differs);
}

void protocol_zero_matches_only_entries_that_say_so() {
    core::ProtocolInfo tcp = info_of(inet, stream, 6);
    tcp.provider_flags = 0;
    CHECK(match(tcp, inet, stream, 0) == core::TripletMatch::protocol_differs);
    CHECK(match(tcp, inet, stream, 6) == core::TripletMatch::matches);
}

void an_entry_serves_a_range_of_protocols() {
    core::ProtocolInfo sockets = info_of(inet, raw, 0);
    sockets.protocol_max_offset = 255;
    for (const std::int32_t protocol : {0, 1, 58, 255}) {
        CHECK(match(sockets, inet, raw, protocol) == core::TripletMatch::matches);
    }
    CHECK(match(sockets, inet, raw, 256) == core::TripletMatch::protocol_differs);
    CHECK(match(sockets, inet, raw, -1) == core::TripletMatch::protocol_differs);
}

void a_hostile_range_does_not_overflow() {
    core::ProtocolInfo hostile = info_of(inet, raw, std::numeric_limits<std::int32_t>::max());
    hostile.protocol_max_offset = std::numeric_limits<std::int32_t>::max();
    hostile.provider_flags = 0;
    CHECK(match(hostile, inet, raw, std::numeric_limits<std::int32_t>::max()) == core::TripletMatch::matches);
    CHECK(match(hostile, inet, raw, -2) == core::TripletMatch::protocol_differs);
    hostile.protocol = std::numeric_limits<std::int32_t>::min();
    hostile.protocol_max_offset = std::numeric_limits<std::int32_t>::min();
    CHECK(match(hostile, inet, raw, 0) == core::TripletMatch::protocol_differs);
}

void an_entry_that_stands_for_a_provider_never_matches() {
    core::ProtocolInfo entry = info_of(inet, stream, 6);
    entry.chain_length = 0;
    CHECK(match(entry, inet, stream, 6) == core::TripletMatch::type_differs);
    CHECK(match(entry, 0, 0, 0) == core::TripletMatch::type_differs);
}

void a_hidden_base_entry_still_serves() { // as Windows' own RAW entries
    core::ProtocolInfo sockets = info_of(inet, raw, 0);
    sockets.provider_flags |= core::provider_flag_hidden;
    CHECK(match(sockets, inet, raw, 0) == core::TripletMatch::matches);
}

} // namespace

int main() {
    check::run("an item comes back as it was packed", an_item_comes_back_as_it_was_packed);
    check::run("a value of another size is refused", a_value_of_another_size_is_refused);
    check::run("a path must end, and fit", a_path_must_end_and_fit);
    check::run("a chain has at most seven entries", a_chain_has_at_most_seven_entries);
    check::run("a name must end", a_name_must_end);
    check::run("a triplet finds its entry", a_triplet_finds_its_entry);
    check::run("what does not match says how far it came", what_does_not_match_says_how_far_it_came);
    check::run("protocol zero matches only entries that say so", protocol_zero_matches_only_entries_that_say_so);
    check::run("an entry serves a range of protocols", an_entry_serves_a_range_of_protocols);
    check::run("a hostile range does not overflow", a_hostile_range_does_not_overflow);
    check::run("an entry that stands for a provider never matches", an_entry_that_stands_for_a_provider_never_matches);
    check::run("a hidden base entry still serves", a_hidden_base_entry_still_serves);
    return check::result();
}
