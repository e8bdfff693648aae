// Arbitrary registry values as catalog entries: what decode_item accepts is safe to use, what it refuses is not looked
// at.
#include "check.hpp"

#include "core/packed_catalog_item.hpp"
#include "core/triplet.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace core = winsock_spi::core;

namespace {

std::vector<unsigned char> good_bytes() {
    core::ProtocolInfo info{};
    info.chain_length = 2;
    info.address_family = 2;
    info.socket_type = 1;
    info.protocol = 6;
    std::memcpy(info.name, u"MSAFD Tcpip [TCP/IP]", sizeof(u"MSAFD Tcpip [TCP/IP]"));
    core::PackedCatalogItem item;
    const std::string path = "%SystemRoot%\\system32\\mswsock.dll";
    core::encode_item(path.c_str(), path.size(), info, item);
    std::vector<unsigned char> bytes(sizeof(item));
    std::memcpy(bytes.data(), &item, sizeof(item));
    return bytes;
}

void once(std::mt19937_64& random) {
    static const std::vector<unsigned char> good = good_bytes();
    std::vector<unsigned char> bytes = good;
    // Runs of one byte reach what single flips do not: texts without end.
    for (auto changes = random() % 4; changes > 0; --changes) {
        const std::size_t first = random() % bytes.size();
        const std::size_t last = std::min(bytes.size(), first + random() % 900);
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(first), bytes.begin() + static_cast<std::ptrdiff_t>(last),
                  static_cast<unsigned char>(random()));
    }
    if (random() % 8 == 0) {
        bytes.resize(random() % 1800);
    }
    bytes.shrink_to_fit(); // so that the sanitizer sees a read behind the end

    core::PackedCatalogItem item;
    if (core::decode_item(bytes.data(), bytes.size(), item) != core::ItemFault::none) {
        return;
    }
    CHECK(bytes.size() == sizeof(item) && std::memcmp(&item, bytes.data(), sizeof(item)) == 0);
    CHECK(std::memchr(item.path, 0, sizeof(item.path)) != nullptr);
    CHECK(std::find(std::begin(item.info.name), std::end(item.info.name), u'\0') != std::end(item.info.name));
    CHECK(item.info.chain_length >= 0 && item.info.chain_length <= core::max_chain_length);
    const core::Triplet wanted{static_cast<std::int32_t>(random()), static_cast<std::int32_t>(random()),
                               static_cast<std::int32_t>(random())};
    const core::Triplet own{item.info.address_family, item.info.socket_type, item.info.protocol};
    core::match_triplet(item.info, wanted);
    if (item.info.chain_length > 0 && item.info.protocol_max_offset >= 0) {
        CHECK(core::match_triplet(item.info, own) == core::TripletMatch::matches);
    }
}

} // namespace

int main(int argc, char** argv) {
    return check::fuzz("packed_catalog_item", check::fuzz_options(argc, argv), once);
}
