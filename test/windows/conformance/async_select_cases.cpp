// WSAAsyncSelect, with a message-only window. Page: "WSAAsyncSelect function (winsock2.h)".
#include "sockets.hpp"

using namespace conformance;

namespace {

constexpr int families[] = {AF_INET, AF_INET6};
constexpr UINT socket_message = WM_USER + 7;

// A message-only window of the calling thread; messages are taken from the thread's queue, so no procedure is needed.
class Window {
public:
    Window() : handle_(CreateWindowExW(0, L"STATIC", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, nullptr, nullptr)) {
        require("a message-only window", handle_ != nullptr);
    }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window() { DestroyWindow(handle_); }
    HWND get() const { return handle_; }

    // The next message of that number within the time; false if none comes.
    bool next(MSG& message, DWORD milliseconds = patience, UINT number = socket_message) const {
        const ULONGLONG end = GetTickCount64() + milliseconds;
        for (;;) {
            if (PeekMessageW(&message, handle_, number, number, PM_REMOVE)) {
                return true;
            }
            const ULONGLONG now = GetTickCount64();
            if (now >= end) {
                return false;
            }
            MsgWaitForMultipleObjects(0, nullptr, FALSE, static_cast<DWORD>(end - now), QS_ALLINPUT);
        }
    }

    bool quiet() const {
        MSG message;
        return !next(message, 0);
    }

    // The event of the next message, 0 if none comes.
    int event() const {
        MSG message;
        return next(message) ? WSAGETSELECTEVENT(message.lParam) : 0;
    }

    // Takes messages until one has this event; false if none comes.
    bool event(int wanted) const {
        MSG message;
        while (next(message)) {
            if (WSAGETSELECTEVENT(message.lParam) == wanted) {
                return true;
            }
        }
        return false;
    }

private:
    HWND handle_;
};

void must_select(const Socket& made, const Window& window, long events) {
    require("WSAAsyncSelect", WSAAsyncSelect(made.get(), window.get(), socket_message, events) == 0);
}

} // namespace

CONFORMANCE_CASE("WSAAsyncSelect", "arguments") {
    const Window window;
    const Socket made = bound_udp();
    fails("a socket that is none: WSAENOTSOCK", WSAAsyncSelect(closed_socket(), window.get(), socket_message, FD_READ),
          WSAENOTSOCK);
    fails("no window: WSAEINVAL",
          WSAAsyncSelect(made.get(), reinterpret_cast<HWND>(INT_PTR{0x7FFF1234}), socket_message, FD_READ), WSAEINVAL,
          on_wine(succeeded, "Wine 10.0 does not look at the window"));
    succeeds("no events: the selection ends", WSAAsyncSelect(made.get(), window.get(), 0, 0));
    succeeds("no events and no window", WSAAsyncSelect(made.get(), nullptr, 0, 0));
}

CONFORMANCE_CASE("WSAAsyncSelect", "makes the socket non-blocking") {
    const Window window;
    const Pair pair = tcp_pair();
    must_select(pair.near_end, window, FD_READ);
    char byte = 0;
    fails("recv with nothing there: WSAEWOULDBLOCK", recv(pair.near_end.get(), &byte, 1, 0), WSAEWOULDBLOCK);
    u_long off = 0;
    fails("FIONBIO off is refused: WSAEINVAL", ioctlsocket(pair.near_end.get(), static_cast<long>(FIONBIO), &off),
          WSAEINVAL);
    must_select(pair.near_end, window, 0);
    succeeds("FIONBIO off after the cancel", ioctlsocket(pair.near_end.get(), static_cast<long>(FIONBIO), &off));
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_READ") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Window window;
        const Pair pair = tcp_pair(family);
        must_select(pair.near_end, window, FD_READ);
        is(text + ": no message with nothing there", window.quiet());
        send_text(pair.far_end.get(), "abcd");
        MSG message{};
        if (!is(text + ": a message when data arrives", window.next(message))) {
            continue;
        }
        is(text + ": to the window", message.hwnd == window.get());
        equal(text + ": with the number asked for", message.message, socket_message);
        is(text + ": wParam is the socket", static_cast<SOCKET>(message.wParam) == pair.near_end.get());
        equal(text + ": the event", WSAGETSELECTEVENT(message.lParam), FD_READ);
        equal(text + ": no error", WSAGETSELECTERROR(message.lParam), 0);
        send_text(pair.far_end.get(), "ef");
        require("arrived", readable(pair.near_end.get()));
        is(text + ": no second message before a receive", window.quiet());
        char buffer[2];
        require("recv", recv(pair.near_end.get(), buffer, 2, 0) == 2);
        equal(text + ": a receive that leaves data posts another", window.event(), FD_READ);
        require("the rest", receive_text(pair.near_end.get()).size() == 4);
        is(text + ": a receive that leaves nothing does not", window.quiet());
        send_text(pair.far_end.get(), "gh");
        equal(text + ": new data does", window.event(), FD_READ);
    }
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_WRITE") {
    const Window window;
    const Pair pair = tcp_pair();
    must_select(pair.near_end, window, FD_WRITE);
    equal("posted at once for a connected socket", window.event(), FD_WRITE);
    send_text(pair.near_end.get(), "x");
    is("a send that succeeds posts nothing", window.quiet());
    static char block[65'536];
    while (send(pair.near_end.get(), block, sizeof block, 0) != SOCKET_ERROR) {
    }
    equal("until a send is WSAEWOULDBLOCK", WSAGetLastError(), WSAEWOULDBLOCK);
    static char sink[1 << 20];
    set_nonblocking(pair.far_end.get());
    MSG message{};
    bool told = false;
    for (ULONGLONG end = GetTickCount64() + patience; !told && GetTickCount64() < end;) {
        if (recv(pair.far_end.get(), sink, sizeof sink, 0) == SOCKET_ERROR) {
            readable(pair.far_end.get(), 10);
        }
        told = window.next(message, 0);
    }
    is("posted when there is room again", told);
    equal("the event is FD_WRITE", WSAGETSELECTEVENT(message.lParam), FD_WRITE);
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_ACCEPT") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Window window;
        const Socket listener = listening(family);
        must_select(listener, window, FD_ACCEPT);
        is(text + ": no message without a connection", window.quiet());
        const Socket first = connected_to(listener.get());
        equal(text + ": a message with a connection", window.event(), FD_ACCEPT);
        const Socket second = connected_to(listener.get());
        is(text + ": no second message before an accept", window.quiet());
        const Socket accepted(accept(listener.get(), nullptr, nullptr));
        equal(text + ": an accept that leaves a connection posts another", window.event(), FD_ACCEPT);
        const Socket accepted_second(accept(listener.get(), nullptr, nullptr));
        is(text + ": an accept that leaves none does not", window.quiet());
    }
}

CONFORMANCE_CASE("WSAAsyncSelect", "the accepted socket has the listener's window and events") {
    const Window window;
    const Socket listener = listening();
    must_select(listener, window, FD_ACCEPT | FD_READ);
    const Socket client = connected_to(listener.get());
    require("FD_ACCEPT", window.event() == FD_ACCEPT);
    const Socket accepted(accept(listener.get(), nullptr, nullptr));
    require("accept", static_cast<bool>(accepted));
    send_text(client.get(), "x");
    MSG message{};
    is("data for it posts a message", window.next(message));
    is("with the accepted socket", static_cast<SOCKET>(message.wParam) == accepted.get());
    equal("and FD_READ", WSAGETSELECTEVENT(message.lParam), FD_READ);
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_CONNECT") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Window window;
        const Socket listener = listening(family);
        const Address name = name_of(listener.get());
        const Socket client = tcp(family);
        must_select(client, window, FD_CONNECT);
        fails(text + ": connect is WSAEWOULDBLOCK", connect(client.get(), name.get(), name.length), WSAEWOULDBLOCK);
        MSG message{};
        is(text + ": a message when it is connected", window.next(message));
        equal(text + ": FD_CONNECT", WSAGETSELECTEVENT(message.lParam), FD_CONNECT);
        equal(text + ": no error", WSAGETSELECTERROR(message.lParam), 0);
        const Unanswered nobody = unanswered(family);
        const Socket refused = tcp(family);
        must_select(refused, window, FD_CONNECT);
        require("connect", connect(refused.get(), nobody.address.get(), nobody.address.length) == SOCKET_ERROR);
        is(text + ": a message when it is refused", window.next(message));
        is(text + ": of that socket", static_cast<SOCKET>(message.wParam) == refused.get());
        equal(text + ": FD_CONNECT when it is refused", WSAGETSELECTEVENT(message.lParam), FD_CONNECT);
        equal(text + ": WSAECONNREFUSED", WSAGETSELECTERROR(message.lParam), WSAECONNREFUSED);
    }
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_CLOSE") {
    for (const int family : families) {
        const std::string text = family_name(family);
        const Window window;
        Pair pair = tcp_pair(family);
        must_select(pair.near_end, window, FD_CLOSE);
        pair.far_end.close();
        MSG message{};
        is(text + ": a message when the peer closes", window.next(message));
        equal(text + ": FD_CLOSE", WSAGETSELECTEVENT(message.lParam), FD_CLOSE);
        equal(text + ": no error", WSAGETSELECTERROR(message.lParam), 0);
        is(text + ": told once", window.quiet());
        Pair reset = tcp_pair(family);
        must_select(reset.near_end, window, FD_CLOSE);
        reset_connection(reset.far_end);
        is(text + ": a message when the peer resets", window.next(message));
        equal(text + ": FD_CLOSE when the peer resets", WSAGETSELECTEVENT(message.lParam), FD_CLOSE);
        is(text + ": WSAECONNRESET or WSAECONNABORTED",
           WSAGETSELECTERROR(message.lParam) == WSAECONNRESET || WSAGETSELECTERROR(message.lParam) == WSAECONNABORTED);
        Pair half = tcp_pair(family);
        must_select(half.near_end, window, FD_CLOSE);
        require("shutdown", shutdown(half.far_end.get(), SD_SEND) == 0);
        equal(text + ": the peer's shutdown is FD_CLOSE too", window.event(), FD_CLOSE);
    }
}

CONFORMANCE_CASE("WSAAsyncSelect", "FD_OOB") {
    const Window window;
    const Pair pair = tcp_pair();
    must_select(pair.near_end, window, FD_OOB);
    require("send", send(pair.far_end.get(), "!", 1, MSG_OOB) == 1);
    equal("a message when out-of-band data arrives", window.event(), FD_OOB);
}

CONFORMANCE_CASE("WSAAsyncSelect", "UDP") {
    const Window window;
    const Pair pair = udp_pair();
    must_select(pair.near_end, window, FD_READ);
    send_text(pair.far_end.get(), "first");
    send_text(pair.far_end.get(), "second");
    equal("a message for a datagram", window.event(), FD_READ);
    require("recv", receive_text(pair.near_end.get()) == "first");
    equal("another for the one that is left", window.event(), FD_READ);
    require("recv", receive_text(pair.near_end.get()) == "second");
    is("none when none is left", window.quiet());
}

CONFORMANCE_CASE("WSAAsyncSelect", "a call replaces the one before") {
    const Window window;
    const Pair pair = tcp_pair();
    must_select(pair.near_end, window, FD_READ);
    must_select(pair.near_end, window, FD_WRITE);
    equal("the new events are told", window.event(), FD_WRITE);
    send_text(pair.far_end.get(), "x");
    require("arrived", readable(pair.near_end.get()));
    is("the old ones are not", window.quiet());
    const Window other;
    require("WSAAsyncSelect", WSAAsyncSelect(pair.near_end.get(), other.get(), socket_message + 1, FD_READ) == 0);
    MSG message{};
    is("another window and another message", other.next(message, patience, socket_message + 1));
    is("the old window gets nothing", window.quiet());
    require("WSAAsyncSelect", WSAAsyncSelect(pair.near_end.get(), other.get(), 0, 0) == 0);
    send_text(pair.far_end.get(), "y");
    require("recv", receive_text(pair.near_end.get()).size() >= 1);
    is("0 ends it", !other.next(message, 0, socket_message + 1));
}

CONFORMANCE_CASE("WSAAsyncSelect", "and WSAEventSelect replace one another") {
    const Window window;
    const Pair pair = tcp_pair();
    const Event event;
    must_select(pair.near_end, window, FD_READ);
    require("WSAEventSelect", WSAEventSelect(pair.near_end.get(), event.get(), FD_READ) == 0);
    send_text(pair.far_end.get(), "x");
    is("after WSAEventSelect the event is set", event.wait());
    is("and no message is posted", window.quiet());
    const Pair other = tcp_pair();
    const Event second;
    require("WSAEventSelect", WSAEventSelect(other.near_end.get(), second.get(), FD_READ) == 0);
    must_select(other.near_end, window, FD_READ);
    send_text(other.far_end.get(), "y");
    equal("after WSAAsyncSelect a message is posted", window.event(), FD_READ);
    is("and the event is not set", !second.is_set());
}
