// Where our provider stands in a protocol chain (core/chain.hpp).
#include "catalogs.hpp"
#include "check.hpp"

#include <array>
#include <cstring>

using namespace catalogs;
using namespace winsock_spi::core;

int main() {
    check::run("our own entry: the base follows our hidden entry", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1001}), base(1001), base(1002, ipv4, 2, 17),
                                                our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && !place.skipped);
        CHECK(place.own->catalog_entry_id == 1008 && place.next->catalog_entry_id == 1001);
        CHECK(place.below.length == 1 && place.below.ids[0] == 1001);
    });

    check::run("our own entry: its hidden entry may be gone from the catalog", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1001}), base(1001)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && place.next->catalog_entry_id == 1001);
    });

    check::run("below a provider that names us by our layered entry, that entry is ours", [] {
        const std::vector<ProtocolInfo> catalog{entry(1020, stranger_layered, {1019, 1008, 1001}),
                                                our_layered(1008, {1007, 1001}), base(1001), our_hidden(1007),
                                                entry(1019, stranger_hidden, {})};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && place.own->catalog_entry_id == 1008);
        CHECK(place.next->catalog_entry_id == 1001);
    });

    check::run("below a provider that names us by our hidden entry, our entry of the same triplet is ours", [] {
        const std::vector<ProtocolInfo> catalog{entry(1020, stranger_layered, {1019, 1007, 1002}, ipv4, 2, 17),
                                                our_layered(1008, {1007, 1001}),
                                                our_layered(1009, {1007, 1002}, ipv4, 2, 17),
                                                base(1001),
                                                base(1002, ipv4, 2, 17),
                                                our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && place.own->catalog_entry_id == 1009);
        CHECK(place.next->catalog_entry_id == 1002);
    });

    check::run("a whole chain of ours below another provider counts once", [] {
        const std::vector<ProtocolInfo> catalog{entry(1020, stranger_layered, {1019, 1008, 1007, 1001}),
                                                our_layered(1008, {1007, 1001}), base(1001), our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.own->catalog_entry_id == 1008 && place.next->catalog_entry_id == 1001);
    });

    check::run("another provider below us is next, by its hidden or its layered entry", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1019, 1001}),
                                                our_layered(1010, {1007, 1020, 1001}),
                                                entry(1020, stranger_layered, {1019, 1001}),
                                                base(1001),
                                                our_hidden(1007),
                                                entry(1019, stranger_hidden, {})};
        CHECK(find_place(catalog, catalog[0]).next->catalog_entry_id == 1019);
        CHECK(find_place(catalog, catalog[1]).next->catalog_entry_id == 1020);
        CHECK(find_place(catalog, catalog[1]).below.length == 2);
    });

    check::run("a chain of another provider that ends with us goes on with ours", [] {
        const std::vector<ProtocolInfo> catalog{
            entry(1021, stranger_layered, {1019, 1008}), our_layered(1008, {1007, 1020, 1001}),
            entry(1020, stranger_layered, {1018, 1001}), base(1001), our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && !place.skipped);
        CHECK(place.own->catalog_entry_id == 1008 && place.next->catalog_entry_id == 1020);
        CHECK(place.below.length == 2);
    });

    check::run("a provider below us that was removed is skipped", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1019, 1001}), base(1001), our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && place.skipped && place.next->catalog_entry_id == 1001);
    });

    check::run("a chain whose base is gone falls back on the base of the same triplet", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1001}), base(1031), our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::none && place.skipped && place.next->catalog_entry_id == 1031);
        CHECK(is_below(place.below, base(1031)));
    });

    check::run("nothing left below us is a fault, and never ourselves", [] {
        const std::vector<ProtocolInfo> catalog{our_layered(1008, {1007, 1001}), our_layered(1009, {1009}),
                                                base(1002, ipv4, 2, 17), our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::no_next && place.next == nullptr);
    });

    check::run("a chain that does not name us has a base to fall back on", [] {
        const std::vector<ProtocolInfo> catalog{entry(1020, stranger_layered, {1019, 1001}), base(1001),
                                                our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::not_in_chain && place.next->catalog_entry_id == 1001);
    });

    check::run("a chain that names us though we have no entry for it is a fault with a next", [] {
        const std::vector<ProtocolInfo> catalog{entry(1020, stranger_layered, {1019, 1007, 1001}), base(1001),
                                                our_hidden(1007)};
        const Place place = find_place(catalog, catalog[0]);
        CHECK(place.fault == PlaceFault::no_own_entry && place.next->catalog_entry_id == 1001);
    });

    check::run("a chain of seven works, an impossible length is no chain", [] {
        std::vector<ProtocolInfo> catalog{our_layered(1008, {1, 2, 3, 4, 5, 1007, 1001}), base(1001), our_hidden(1007)};
        CHECK(find_place(catalog, catalog[0]).next->catalog_entry_id == 1001);
        for (const std::int32_t length : {-1, 8, 0x7FFFFFFF, static_cast<int>(0x80000000u)}) {
            catalog[0].chain_length = length;
            CHECK(chain_of(catalog[0]).empty());
        }
    });

    check::run("an id put into a chain and taken out again leaves the entry as it was, with what lies behind its end",
               [] {
                   ProtocolInfo former = entry(1020, stranger_layered, {1019, 1001});
                   for (int place = 2; place < max_chain_length - 1; ++place) {
                       former.chain[place] = 0xBAADF00D;
                   }
                   const std::array<std::uint32_t, 3> longer{1019, 1008, 1001};
                   const std::array<std::uint32_t, 2> shorter{1019, 1001};
                   const ProtocolInfo changed = with_chain(former, longer);
                   CHECK(changed.chain_length == 3 && changed.chain[1] == 1008 && changed.chain[3] == 0xBAADF00D);
                   const ProtocolInfo again = with_chain(changed, shorter);
                   CHECK(std::memcmp(&again, &former, sizeof former) == 0);
                   const ProtocolInfo twice = with_chain(changed, longer);
                   CHECK(std::memcmp(&twice, &changed, sizeof changed) == 0);
                   const std::array<std::uint32_t, 9> too_long{1, 2, 3, 4, 5, 6, 7, 8, 9};
                   CHECK(with_chain(former, too_long).chain_length == max_chain_length);
               });

    check::run("the answer of the base below, of a layered provider by its entry or by its chain, is below us", [] {
        const ChainBelow base_below{{1001}, 1};
        CHECK(is_below(base_below, base(1001)));
        CHECK(!is_below(base_below, base(1002, ipv4, 2, 17)));
        const ChainBelow hidden_below{{1019, 1001}, 2};
        CHECK(is_below(hidden_below, entry(1020, stranger_layered, {1019, 1001})));
        CHECK(!is_below(hidden_below, entry(1021, stranger_layered, {1019, 1002})));
        CHECK(!is_below(hidden_below, base(1001)));
        CHECK(!is_below(ChainBelow{}, base(0)));
    });
    return check::result();
}
