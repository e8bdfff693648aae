// Chains and catalogs of arbitrary bytes: find_place and is_below must stay within them (AddressSanitizer), name only
// entries that are there, and never name ourselves as the provider below us.
#include "catalogs.hpp"
#include "check.hpp"
#include "input.hpp"

using namespace catalogs;
using namespace winsock_spi::core;

namespace {

ProtocolInfo random_entry(check::Input& input) {
    ProtocolInfo info{};
    if (input.one_in(4)) {
        input.fill(std::as_writable_bytes(std::span(&info, 1)));
    }
    // Few ids, so that chains meet.
    info.catalog_entry_id = static_cast<std::uint32_t>(1000 + input.below(10));
    info.chain_length = static_cast<std::int32_t>(input.one_in(6) ? input.nasty() : input.below(9));
    for (std::uint32_t& id : info.chain) {
        id = static_cast<std::uint32_t>(1000 + input.below(10));
    }
    info.address_family = input.one_in(2) ? ipv4 : ipv6;
    info.socket_type = 1;
    info.protocol = 6;
    switch (input.below(4)) {
    case 0: info.provider_id = hidden_entry_guid; break;
    case 1: info.provider_id = layered_entry_guid(static_cast<std::uint16_t>(info.address_family), 1, 6); break;
    case 2: info.provider_id = base_guid; break;
    default: info.provider_id = stranger_layered; break;
    }
    return info;
}

bool inside(const std::vector<ProtocolInfo>& catalog, const ProtocolInfo* entry) {
    return entry >= catalog.data() && entry < catalog.data() + catalog.size();
}

void once(std::mt19937_64& random) {
    check::Input input(random);
    std::vector<ProtocolInfo> catalog(input.below(8));
    for (ProtocolInfo& info : catalog) {
        info = random_entry(input);
    }
    const ProtocolInfo started = random_entry(input);
    const Place place = find_place(catalog, started);
    CHECK(place.below.length <= max_chain_length);
    CHECK(place.own == nullptr || place.own == &started || inside(catalog, place.own));
    CHECK(place.own == nullptr || is_our_guid(place.own->provider_id));
    CHECK(place.next == nullptr || (inside(catalog, place.next) && !is_our_guid(place.next->provider_id)));
    CHECK(place.fault != PlaceFault::none || (place.own != nullptr && place.next != nullptr));
    CHECK(place.fault != PlaceFault::no_next || place.next == nullptr);
    CHECK((place.next == nullptr) == (place.below.length == 0));
    if (place.next != nullptr) {
        CHECK(place.below.ids[0] == place.next->catalog_entry_id);
        CHECK(is_below(place.below, *place.next));
    }
    is_below(place.below, random_entry(input));
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("chain", check::fuzz_options(argc, argv), once);
}
