// Port: global atoms hold the data, and a message to a message-only window says which atom to read.
// https://learn.microsoft.com/windows/win32/dataxchg/about-atom-tables
//
// The table of global atoms belongs to the whole session and is small, and an atom outlives its maker. So a sender has
// one atom at a time, the receiver deletes it when it has read it, and the sender deletes it where the receiver did
// not.
#include "window_port.hpp"

#include "core/atom_text.hpp"

namespace winsock_spi::spi {
namespace {

constexpr UINT patience = 2000; // milliseconds for which a receiver may be busy

UINT atom_message() {
    static const UINT message = RegisterWindowMessageW(L"winsock-spi.atom");
    return message;
}

class AtomPort final : public WindowPort {
public:
    using WindowPort::WindowPort;

protected:
    bool post(HWND window, HWND own, Bytes bytes, LRESULT& answer) override {
        static_assert(sizeof(wchar_t) == sizeof(char16_t));
        const std::u16string text = core::atom_text(bytes);
        if (text.empty()) {
            SetLastError(ERROR_BAD_LENGTH);
            return false;
        }
        const ATOM atom = GlobalAddAtomW(reinterpret_cast<const wchar_t*>(text.c_str()));
        if (atom == 0) {
            answer = message_refused; // the table is full
            return true;
        }
        DWORD_PTR result = 0;
        SetLastError(ERROR_SUCCESS);
        const bool done = SendMessageTimeoutW(window, atom_message(), atom, reinterpret_cast<LPARAM>(own),
                                              SMTO_ABORTIFHUNG | SMTO_BLOCK, patience, &result) != 0;
        const DWORD error = GetLastError();
        answer = static_cast<LRESULT>(result);
        if (!done || answer != message_taken) {
            GlobalDeleteAtom(atom);
        }
        SetLastError(error);
        return done;
    }

    LRESULT handle(Inbox& inbox, UINT message, WPARAM wparam, LPARAM) override {
        if (message != atom_message() || wparam < 0xC000 || wparam > 0xFFFF) { // below: integers, not texts
            return 0;
        }
        if (inbox.full()) {
            return message_refused;
        }
        const ATOM atom = static_cast<ATOM>(wparam);
        wchar_t text[core::longest_atom + 1];
        const UINT length = GlobalGetAtomNameW(atom, text, static_cast<int>(std::size(text)));
        const auto bytes = core::atom_bytes({reinterpret_cast<const char16_t*>(text), length});
        if (bytes.empty()) {
            return 0; // somebody else's atom: nothing to read and nothing to delete
        }
        GlobalDeleteAtom(atom);
        inbox.deliver(bytes);
        return message_taken;
    }
};

} // namespace

std::unique_ptr<Mechanism> make_atom_port(const MechanismOptions& options) {
    return std::make_unique<AtomPort>(L"atoms", options);
}

} // namespace winsock_spi::spi
