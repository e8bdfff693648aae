// WSADuplicateSocket across processes: starts duplicate_target (of either bitness), learns its process id from it over
// one anonymous pipe and sends the 628 bytes of WSAPROTOCOL_INFOW over another.
//   duplicate_source TARGET.EXE [tcp4|tcp6|udp4]
// Both processes use the connection while both hold it; then this one closes its descriptor and the target goes on.
#include "common.hpp"

namespace {

struct Pipe {
    program::Handle read;
    program::Handle write;
};

Pipe make_pipe() {
    SECURITY_ATTRIBUTES inheritable{sizeof inheritable, nullptr, TRUE};
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    program::require(CreatePipe(&read, &write, &inheritable, 0), "CreatePipe");
    return {program::Handle(read, "pipe"), program::Handle(write, "pipe")};
}

void stay_here(const program::Handle& handle) {
    SetHandleInformation(handle.get(), HANDLE_FLAG_INHERIT, 0);
}

std::wstring value(const program::Handle& handle) {
    return std::to_wstring(static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(handle.get())));
}

program::Pair datagram_pair() {
    program::Pair pair{program::bound(AF_INET, SOCK_DGRAM), program::bound(AF_INET, SOCK_DGRAM)};
    const program::Address near_address = program::local_address(pair.near_end.get());
    const program::Address far_address = program::local_address(pair.far_end.get());
    program::check(connect(pair.near_end.get(), far_address.get(), far_address.length), "connect");
    program::check(connect(pair.far_end.get(), near_address.get(), near_address.length), "connect");
    return pair;
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    return program::run("duplicate_source", [&](program::Json& summary) {
        program::require(argc > 1, "usage: duplicate_source TARGET.EXE [tcp4|tcp6|udp4]");
        const std::wstring kind = argc > 2 ? argv[2] : L"tcp4";
        const program::Winsock winsock;
        program::Pair pair =
            kind == L"udp4" ? datagram_pair() : program::connected_pair(kind == L"tcp6" ? AF_INET6 : AF_INET);
        SetHandleInformation(reinterpret_cast<HANDLE>(pair.near_end.get()), HANDLE_FLAG_INHERIT, 0);
        SetHandleInformation(reinterpret_cast<HANDLE>(pair.far_end.get()), HANDLE_FLAG_INHERIT, 0);
        Pipe down = make_pipe();
        Pipe up = make_pipe();
        stay_here(down.write);
        stay_here(up.read);
        const program::Child child =
            program::start(program::quoted(argv[1]) + L" " + value(down.read) + L" " + value(up.write), true);
        down.read.close();
        up.write.close();

        DWORD pid = 0;
        DWORD bytes = 0;
        program::require(ReadFile(up.read.get(), &pid, sizeof pid, &bytes, nullptr) && bytes == sizeof pid,
                         "the target says its process id");
        WSAPROTOCOL_INFOW info{};
        program::check(WSADuplicateSocketW(pair.far_end.get(), pid, &info), "WSADuplicateSocketW");
        static_assert(sizeof info == 628);
        program::require(WriteFile(down.write.get(), &info, sizeof info, &bytes, nullptr) && bytes == sizeof info,
                         "the 628 bytes go out");
        char ready = 0;
        program::require(ReadFile(up.read.get(), &ready, 1, &bytes, nullptr) && bytes == 1 && ready == 'r',
                         "the target has the socket");

        program::send_all(pair.far_end.get(), "by the source;"); // both descriptors live
        program::require(WriteFile(down.write.get(), "g", 1, &bytes, nullptr) && bytes == 1, "go");
        program::require(program::receive_exactly(pair.near_end.get(), 14) == "by the source;", "the source can send");
        program::require(program::receive_exactly(pair.near_end.get(), 14) == "by the target;", "the target can send");
        pair.far_end.close(); // must not end the target's descriptor
        program::send_all(pair.near_end.get(), "after the source has closed");
        program::require(program::receive_exactly(pair.near_end.get(), 27) == "AFTER THE SOURCE HAS CLOSED",
                         "the target receives and answers alone");
        const DWORD code = program::wait_for_exit(child);
        summary.number("target", pid).number("targetExitCode", code).number("catalogEntryId", info.dwCatalogEntryId);
        program::require(pid == child.pid && code == 0, "the target is content");
    });
}
