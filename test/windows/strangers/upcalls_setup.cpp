// Installs and removes upcalls: a GUID for each layered entry, chains that name hidden entries only; and one entry of a
// protocol that nobody else has and that is not IFS, whose id it needs for WPUCreateSocketHandle.
#include "setup.hpp"

namespace {

int install_own_protocol(const wchar_t* dll) {
    WSAPROTOCOL_INFOW entry{};
    entry.dwServiceFlags1 = XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER;
    entry.dwProviderFlags = PFL_HIDDEN;
    entry.ProtocolChain.ChainLen = BASE_PROTOCOL;
    entry.iVersion = 2;
    entry.iAddressFamily = 0x3A3A;
    entry.iMaxSockAddr = entry.iMinSockAddr = 16;
    entry.iSocketType = SOCK_STREAM;
    entry.iProtocol = 0x3A;
    std::wstring(L"upcalls: no file handles").copy(entry.szProtocol, WSAPROTOCOL_LEN);
    GUID id = stranger::entry_guid(stranger::upcalls_guid, 0xF0);
    int error = 0;
    return WSCInstallProvider(&id, dll, &entry, 1, &error) == 0 ? 0 : stranger::failed("WSCInstallProvider", error);
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    using stranger::Habits;
    if (argc > 1 && std::wstring(argv[1]) == L"install") {
        const int result = install_own_protocol(stranger::beside_this_program(L"upcalls.dll").c_str());
        if (result != 0) {
            return result;
        }
    }
    return stranger::setup_main(argc, argv,
                                Habits{
                                    .name = L"upcalls",
                                    .vendor = stranger::upcalls_guid,
                                    .guid = Habits::Guid::per_entry,
                                    .chain = Habits::Chain::by_hidden,
                                    .ifs = true,
                                });
}
