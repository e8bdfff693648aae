#include "window_port.hpp"

#include "own_user.hpp"
#include "../text.hpp"

namespace winsock_spi::spi {
namespace {

// This module, whatever its file is called.
HINSTANCE own_module() {
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       reinterpret_cast<const wchar_t*>(&own_module), &module);
    return module;
}

// A window class, for as long as this lives; its windows are gone by then.
class WindowClass {
public:
    Status add(const std::wstring& name, WNDPROC procedure) {
        WNDCLASSEXW description{};
        description.cbSize = sizeof(description);
        description.lpfnWndProc = procedure;
        description.hInstance = own_module();
        description.lpszClassName = name.c_str();
        if (RegisterClassExW(&description) == 0) {
            return last_error("RegisterClassExW", narrow(name));
        }
        name_ = name;
        return {};
    }
    ~WindowClass() {
        if (!name_.empty()) {
            UnregisterClassW(name_.c_str(), own_module());
        }
    }

private:
    std::wstring name_;
};

struct WindowTraits {
    using type = HWND;
    static type invalid() { return nullptr; }
    static void close(type value) { DestroyWindow(value); }
};

} // namespace

Status NameLock::take(const wchar_t* kind, const MechanismOptions& options) {
    std::wstring sddl;
    if (Status status = sddl_or_own_user(options.sddl, sddl); !status.ok()) {
        return status;
    }
    SecurityAttributes security(sddl.c_str());
    if (security.get() == nullptr) {
        return system_error(ERROR_INVALID_SECURITY_DESCR, "CreateMutexW", narrow(sddl));
    }
    const std::wstring name = std::wstring(L"Local\\winsock-spi-") + kind + L"-" + options.name;
    mutex_.reset(CreateMutexW(security.get(), FALSE, name.c_str()));
    const DWORD error = GetLastError();
    if (!mutex_) {
        return system_error(error, "CreateMutexW", "take the name " + narrow(options.name));
    }
    if (error == ERROR_ALREADY_EXISTS) {
        mutex_.reset();
        return own_error("ERR_ADDRESS_IN_USE", "somebody listens at " + narrow(options.name) + " already");
    }
    return {};
}

Status WindowPort::open() {
    made_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    return made_ ? lock_.take(kind_, options_) : last_error("CreateEventW");
}

std::wstring WindowPort::class_name(const std::wstring& name) const {
    return std::wstring(L"winsock-spi.") + kind_ + L"." + name;
}

Status WindowPort::receive(Inbox& inbox, HANDLE stop) {
    inbox_ = &inbox;
    WindowClass window_class;
    if (Status status = window_class.add(class_name(options_.name), procedure); !status.ok()) {
        return status;
    }
    const Unique<WindowTraits> window(CreateWindowExW(0, class_name(options_.name).c_str(), nullptr, 0, 0, 0, 0, 0,
                                                      HWND_MESSAGE, nullptr, own_module(), this));
    if (!window) {
        return last_error("CreateWindowExW", "make a message-only window");
    }
    window_ = window.get();
    SetEvent(made_.get());
    inbox.ready();
    while (MsgWaitForMultipleObjectsEx(1, &stop, INFINITE, QS_ALLINPUT, MWMO_INPUTAVAILABLE) == WAIT_OBJECT_0 + 1) {
        MSG message;
        // Sent messages are handled inside the call, posted ones are given out by it.
        while (PeekMessageW(&message, nullptr, 0, 0, PM_REMOVE)) {
            DispatchMessageW(&message);
            if (WaitForSingleObject(stop, 0) == WAIT_OBJECT_0) {
                return {};
            }
        }
    }
    return {};
}

LRESULT CALLBACK WindowPort::procedure(HWND window, UINT message, WPARAM wparam, LPARAM lparam) {
    if (message == WM_NCCREATE) {
        const auto* create = reinterpret_cast<const CREATESTRUCTW*>(lparam);
        SetWindowLongPtrW(window, GWLP_USERDATA, reinterpret_cast<LONG_PTR>(create->lpCreateParams));
    }
    auto* port = reinterpret_cast<WindowPort*>(GetWindowLongPtrW(window, GWLP_USERDATA));
    if (port != nullptr) {
        if (const LRESULT answer = port->handle(*port->inbox_, message, wparam, lparam); answer != 0) {
            return answer;
        }
    }
    return DefWindowProcW(window, message, wparam, lparam);
}

Status WindowPort::find(const std::wstring& name, Target& target) const {
    target.window = FindWindowExW(HWND_MESSAGE, nullptr, class_name(name).c_str(), nullptr);
    target.thread = target.window != nullptr ? GetWindowThreadProcessId(target.window, &target.process) : 0;
    if (target.thread == 0) {
        return system_error(ERROR_FILE_NOT_FOUND, "FindWindowExW", "no window " + narrow(class_name(name)));
    }
    return {};
}

namespace {

// A process that is ending may keep its windows a little longer than its threads: it is given a moment.
bool has_ended(DWORD process_id) {
    constexpr DWORD moment = 200;
    const UniqueHandle process(OpenProcess(SYNCHRONIZE, FALSE, process_id));
    return !process ? GetLastError() == ERROR_INVALID_PARAMETER
                    : WaitForSingleObject(process.get(), moment) == WAIT_OBJECT_0;
}

} // namespace

Status WindowPort::send(const std::wstring& target_name, Bytes bytes, HANDLE stop) {
    const HANDLE either[] = {made_.get(), stop};
    if (WaitForMultipleObjects(2, either, FALSE, INFINITE) != WAIT_OBJECT_0) {
        return {};
    }
    Target& target = targets_[target_name];
    DWORD process = 0;
    if (target.window == nullptr || GetWindowThreadProcessId(target.window, &process) != target.thread ||
        process != target.process) {
        if (Status status = find(target_name, target); !status.ok()) {
            targets_.erase(target_name);
            return status;
        }
    }
    LRESULT answer = 0;
    if (!post(target.window, window_, bytes, answer)) {
        Status status = last_error("SendMessageTimeoutW", "the window of " + narrow(target_name));
        const bool gone = status.number == ERROR_INVALID_WINDOW_HANDLE ||
                          (status.number == ERROR_ACCESS_DENIED && has_ended(target.process));
        targets_.erase(target_name);
        if (gone) {
            return system_error(ERROR_FILE_NOT_FOUND, "SendMessageTimeoutW", "the window of " + narrow(target_name));
        }
        // Some versions leave no error behind when a hung window is given up.
        return status.number == ERROR_ACCESS_DENIED ? status : system_error(ERROR_BUSY, "SendMessageTimeoutW");
    }
    if (answer != message_taken) {
        return system_error(ERROR_BUSY, "SendMessageTimeoutW", narrow(target_name) + " did not take the message");
    }
    return {};
}

} // namespace winsock_spi::spi
