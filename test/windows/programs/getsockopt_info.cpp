// Prints what SO_PROTOCOL_INFOW says about a fresh socket of each kind: which catalog entry Winsock has chosen.
#include "common.hpp"

int main() {
    return program::run("getsockopt_info", [](program::Json& summary) {
        const program::Winsock winsock;
        struct Kind {
            const char* name;
            int family, type, protocol;
        };
        constexpr Kind kinds[] = {{"tcp4", AF_INET, SOCK_STREAM, IPPROTO_TCP},
                                  {"udp4", AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                                  {"tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                                  {"udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP}};
        for (const Kind& kind : kinds) {
            const program::Socket socket(::socket(kind.family, kind.type, kind.protocol));
            WSAPROTOCOL_INFOW info{};
            int length = sizeof info;
            auto* const value = reinterpret_cast<char*>(&info);
            program::check(getsockopt(socket.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, value, &length),
                           "getsockopt(SO_PROTOCOL_INFOW)");
            program::require(length == 628, "WSAPROTOCOL_INFOW has 628 bytes");
            std::string chain = "[";
            for (int index = 0; index < info.ProtocolChain.ChainLen && index < MAX_PROTOCOL_CHAIN; ++index) {
                chain += (index == 0 ? "" : ",") + std::to_string(info.ProtocolChain.ChainEntries[index]);
            }
            program::Json entry;
            entry.number("id", info.dwCatalogEntryId).text("name", program::narrow(info.szProtocol));
            entry.raw("chain", chain + "]").number("family", info.iAddressFamily).number("type", info.iSocketType);
            entry.number("protocol", info.iProtocol).boolean("ifs", (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0);
            summary.object(kind.name, entry);
        }
    });
}
