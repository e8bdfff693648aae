// TransmitFile. Page: "TransmitFile function (mswsock.h)". (TransmitPackets: extension_cases.cpp; Wine 10.0 has none.)
#include "overlapped.hpp"

#include <vector>

using namespace conformance;

namespace {

// A file that goes when it is closed.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view content) {
        wchar_t folder[MAX_PATH];
        wchar_t name[MAX_PATH];
        require("a temporary file",
                GetTempPathW(MAX_PATH, folder) != 0 && GetTempFileNameW(folder, L"wsc", 0, name) != 0);
        file_ = Handle(CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                   FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
        DWORD written = 0;
        require("its content",
                static_cast<bool>(file_) && WriteFile(file_.get(), content.data(), static_cast<DWORD>(content.size()),
                                                      &written, nullptr) != FALSE);
        seek(0);
    }
    HANDLE get() const { return file_.get(); }
    void seek(LONG offset) const {
        require("SetFilePointer", SetFilePointer(file_.get(), offset, nullptr, FILE_BEGIN) != INVALID_SET_FILE_POINTER);
    }

private:
    Handle file_;
};

std::string receive_exactly(SOCKET socket, std::size_t size) {
    std::string whole;
    while (whole.size() < size) {
        const std::string some = receive_text(socket, 65'536);
        require("more data", !some.empty());
        whole += some;
    }
    return whole;
}

} // namespace

CONFORMANCE_CASE("TransmitFile", "a file") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::string name = family_name(family) + ": ";
        const TemporaryFile file("the content of a file");
        const Pair pair = tcp_pair(family);
        const auto transmit = extension<LPFN_TRANSMITFILE>(pair.near_end.get(), WSAID_TRANSMITFILE);
        succeeds_bool(name + "without an overlapped structure",
                      transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, nullptr, 0));
        equal(name + "sends all of it", receive_exactly(pair.far_end.get(), 21), "the content of a file");
        is(name + "and no more", !readable(pair.far_end.get(), 0));
        send_text(pair.near_end.get(), "next");
        equal(name + "the socket goes on", receive_text(pair.far_end.get()), "next");
    }
}

// A number of bytes, or 0 for all; from the file's position, or from the offset in the overlapped structure.
CONFORMANCE_CASE("TransmitFile", "a part of a file") {
    const TemporaryFile file("0123456789");
    const Pair pair = tcp_pair();
    const SOCKET near_end = pair.near_end.get();
    const auto transmit = extension<LPFN_TRANSMITFILE>(near_end, WSAID_TRANSMITFILE);
    succeeds_bool("a number of bytes", transmit(near_end, file.get(), 4, 0, nullptr, nullptr, 0));
    equal("sends just these", receive_exactly(pair.far_end.get(), 4), "0123");
    file.seek(6);
    succeeds_bool("from the file's position", transmit(near_end, file.get(), 0, 0, nullptr, nullptr, 0));
    equal("sends the rest", receive_exactly(pair.far_end.get(), 4), "6789");
    file.seek(2);
    succeeds_bool("a number of bytes from there", transmit(near_end, file.get(), 3, 0, nullptr, nullptr, 0));
    equal("sends the middle", receive_exactly(pair.far_end.get(), 3), "234");
    Operation operation;
    operation.overlapped.Offset = 7;
    require("TransmitFile", started_bool(transmit(near_end, file.get(), 2, 0, &operation.overlapped, nullptr, 0)));
    DWORD count = 0;
    equal("overlapped, from the offset of the structure", operation.finish(near_end, count), 0);
    equal("counts the bytes", count, 2u);
    equal("which are those", receive_exactly(pair.far_end.get(), 2), "78");
    is("nothing else came", !readable(pair.far_end.get(), 0));
    file.seek(0);
    succeeds_bool("in blocks of a size", transmit(near_end, file.get(), 0, 3, nullptr, nullptr, 0));
    equal("sends the same bytes", receive_exactly(pair.far_end.get(), 10), "0123456789");
}

// Data before and after the file.
CONFORMANCE_CASE("TransmitFile", "with head and tail") {
    const TemporaryFile file("file");
    const Pair pair = tcp_pair();
    const auto transmit = extension<LPFN_TRANSMITFILE>(pair.near_end.get(), WSAID_TRANSMITFILE);
    char head[] = "<head>";
    char tail[] = "<tail>";
    TRANSMIT_FILE_BUFFERS around{head, 6, tail, 6};
    succeeds_bool("both", transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, &around, 0));
    equal("go around the file", receive_exactly(pair.far_end.get(), 16), "<head>file<tail>");
    file.seek(0);
    TRANSMIT_FILE_BUFFERS front{head, 6, nullptr, 0};
    succeeds_bool("a head", transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, &front, 0));
    equal("goes first", receive_exactly(pair.far_end.get(), 10), "<head>file");
    file.seek(0);
    TRANSMIT_FILE_BUFFERS back{nullptr, 0, tail, 6};
    succeeds_bool("a tail", transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, &back, 0));
    equal("goes last", receive_exactly(pair.far_end.get(), 10), "file<tail>");
    succeeds_bool("no file: only what is around it", transmit(pair.near_end.get(), nullptr, 0, 0, nullptr, &around, 0));
    equal("is sent", receive_exactly(pair.far_end.get(), 12), "<head><tail>");
}

// TF_DISCONNECT: the connection ends when the file is sent.
CONFORMANCE_CASE("TransmitFile", "TF_DISCONNECT") {
    const TemporaryFile file("then the end");
    const Pair pair = tcp_pair();
    const auto transmit = extension<LPFN_TRANSMITFILE>(pair.near_end.get(), WSAID_TRANSMITFILE);
    succeeds_bool("TransmitFile", transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, nullptr, TF_DISCONNECT));
    equal("the file", receive_exactly(pair.far_end.get(), 12), "then the end");
    is("and the end", readable(pair.far_end.get(), 250) && receive_text(pair.far_end.get()).empty(),
       on_wine(false, "Wine 10.0 does not disconnect after a file"));
}

CONFORMANCE_CASE("TransmitFile", "a large file, overlapped") {
    std::string content(1 << 20, '\0');
    for (std::size_t at = 0; at < content.size(); ++at) {
        content[at] = static_cast<char>('a' + at % 23);
    }
    const TemporaryFile file(content);
    const Pair pair = tcp_pair();
    const auto transmit = extension<LPFN_TRANSMITFILE>(pair.near_end.get(), WSAID_TRANSMITFILE);
    Operation operation;
    require("TransmitFile",
            started_bool(transmit(pair.near_end.get(), file.get(), 0, 0, &operation.overlapped, nullptr, 0)));
    const std::string received = receive_exactly(pair.far_end.get(), content.size());
    is("every byte arrives", received == content);
    DWORD count = 0;
    equal("the operation ends", operation.finish(pair.near_end.get(), count), 0);
    equal("with all bytes", count, static_cast<DWORD>(content.size()));
}

CONFORMANCE_CASE("TransmitFile", "errors") {
    const TemporaryFile file("never sent");
    const Pair pair = tcp_pair();
    const auto transmit = extension<LPFN_TRANSMITFILE>(pair.near_end.get(), WSAID_TRANSMITFILE);
    const Socket idle = bound_tcp();
    fails_bool("not connected: WSAENOTCONN", transmit(idle.get(), file.get(), 0, 0, nullptr, nullptr, 0), WSAENOTCONN);
    fails_bool("a closed socket: WSAENOTSOCK", transmit(closed_socket(), file.get(), 0, 0, nullptr, nullptr, 0),
               WSAENOTSOCK);
    is("nothing was sent", !readable(pair.far_end.get(), 0));
    succeeds_bool("the export of mswsock.dll",
                  ::TransmitFile(pair.near_end.get(), file.get(), 0, 0, nullptr, nullptr, 0));
    equal("sends too", receive_exactly(pair.far_end.get(), 10), "never sent");
    require("SD_SEND", shutdown(pair.near_end.get(), SD_SEND) == 0);
    file.seek(0);
    const int error = error_of_bool(transmit(pair.near_end.get(), file.get(), 0, 0, nullptr, nullptr, 0));
    is("after SD_SEND it fails", error != 0);
}
