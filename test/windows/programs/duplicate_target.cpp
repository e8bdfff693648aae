// The other end of duplicate_source: adopts a socket from 628 bytes.
//   duplicate_target READ_HANDLE WRITE_HANDLE        the ends of two anonymous pipes, inherited
#include "common.hpp"

#include <cctype>
#include <cstdlib>

namespace {

HANDLE inherited(const char* text) {
    return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(std::strtoull(text, nullptr, 10)));
}

void read_exactly(HANDLE pipe, void* into, DWORD size) {
    auto* at = static_cast<char*>(into);
    for (DWORD done = 0; done < size;) {
        DWORD bytes = 0;
        program::require(ReadFile(pipe, at + done, size - done, &bytes, nullptr) && bytes > 0, "the source sends");
        done += bytes;
    }
}

void write(HANDLE pipe, const void* from, DWORD size) {
    DWORD bytes = 0;
    program::require(WriteFile(pipe, from, size, &bytes, nullptr) && bytes == size, "the source listens");
}

} // namespace

int main(int argc, char** argv) {
    return program::run("duplicate_target", [&](program::Json& summary) {
        program::require(argc == 3, "usage: duplicate_target READ_HANDLE WRITE_HANDLE");
        const program::Winsock winsock;
        const program::Handle down(inherited(argv[1]), "pipe");
        const program::Handle up(inherited(argv[2]), "pipe");
        const DWORD pid = GetCurrentProcessId();
        write(up.get(), &pid, sizeof pid);
        WSAPROTOCOL_INFOW info{};
        read_exactly(down.get(), &info, sizeof info);
        program::Socket socket(WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, 0),
                               "WSASocketW(FROM_PROTOCOL_INFO)");
        write(up.get(), "r", 1);
        char go = 0;
        read_exactly(down.get(), &go, 1);
        program::send_all(socket.get(), "by the target;");
        std::string text = program::receive_exactly(socket.get(), 27);
        for (char& c : text) {
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }
        program::send_all(socket.get(), text);

        WSAPROTOCOL_INFOW mine{};
        int length = sizeof mine;
        program::check(getsockopt(socket.get(), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&mine), &length),
                       "getsockopt(SO_PROTOCOL_INFOW)");
        summary.number("catalogEntryId", mine.dwCatalogEntryId).text("entry", program::narrow(mine.szProtocol));
        socket.close();
    });
}
