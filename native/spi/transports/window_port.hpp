// What the ports made of a message-only window share: a window on the receiving thread, found by its class, which names
// the port; messages are sent, not posted, so that the sender knows what became of each.
//
// Windows' own rules apply to who may send: processes of the same desktop, and of no lower integrity (UIPI); nothing is
// let through by ChangeWindowMessageFilterEx.
#pragma once

#include "mechanism.hpp"

#include <map>

#include "../unique.hpp"

namespace winsock_spi::spi {

// What a port answers to a message.
inline constexpr LRESULT message_taken = 1;
inline constexpr LRESULT message_refused = 2; // no room: try again

// The exclusive right to a name, which ends with the process: a named mutex that nobody ever waits for.
class NameLock {
public:
    // ERR_ADDRESS_IN_USE where it is taken.
    Status take(const wchar_t* kind, const MechanismOptions& options);

private:
    UniqueHandle mutex_;
};

class WindowPort : public Mechanism {
public:
    WindowPort(const wchar_t* kind, MechanismOptions options) : kind_(kind), options_(std::move(options)) {}

    Status open() override;
    Status receive(Inbox& inbox, HANDLE stop) override;
    Status send(const std::wstring& target, Bytes bytes, HANDLE stop) override;
    void forget(const std::wstring& target) override { targets_.erase(target); }

protected:
    // On the sending thread: one message to `window`; what SendMessageTimeoutW said.
    virtual bool post(HWND window, HWND own, Bytes bytes, LRESULT& answer) = 0;
    // On the receiving thread: 0 if the message is none of this mechanism's.
    virtual LRESULT handle(Inbox& inbox, UINT message, WPARAM wparam, LPARAM lparam) = 0;

private:
    struct Target { // a window handle is used again; together with its thread it is not, while the thread lives
        HWND window = nullptr;
        DWORD thread = 0;
        DWORD process = 0;
    };

    static LRESULT CALLBACK procedure(HWND window, UINT message, WPARAM wparam, LPARAM lparam);
    std::wstring class_name(const std::wstring& name) const;
    Status find(const std::wstring& name, Target& target) const;
    Status make_window(Inbox& inbox);

    const wchar_t* kind_;
    MechanismOptions options_;
    NameLock lock_;
    Inbox* inbox_ = nullptr;
    HWND window_ = nullptr; // written before `made_` is set
    UniqueHandle made_;
    std::map<std::wstring, Target> targets_;
};

} // namespace winsock_spi::spi
