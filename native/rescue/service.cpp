// This program as a Windows service: the guard of an unconfirmed change. Windows starts it when the change begins, and
// at every boot until it has removed itself.
// https://learn.microsoft.com/windows/win32/services/service-program-tasks
#include "commands.hpp"

#include "output.hpp"
#include "spi/confirm.hpp"
#include "spi/confirm_guard.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::rescue {
namespace {

constexpr DWORD stop_hint_milliseconds = 30000;

// The one service of this process; its functions get no pointer from Windows before it runs.
struct Service {
    SERVICE_STATUS_HANDLE handle = nullptr;
    HANDLE stop = nullptr;
    spi::Status outcome;

    void tell(DWORD state, DWORD error = NO_ERROR) const {
        SERVICE_STATUS status{};
        status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
        status.dwCurrentState = state;
        status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0;
        status.dwWin32ExitCode = error;
        status.dwWaitHint = state == SERVICE_STOP_PENDING ? stop_hint_milliseconds : 0;
        SetServiceStatus(handle, &status);
    }
};
Service the_service;

DWORD WINAPI on_control(DWORD control, DWORD, void*, void*) {
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN: // what is not confirmed is undone at the next boot
        the_service.tell(SERVICE_STOP_PENDING);
        SetEvent(the_service.stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: return NO_ERROR;
    default: return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

void WINAPI service_main(DWORD, wchar_t**) {
    the_service.handle = RegisterServiceCtrlHandlerExW(spi::guard_service, on_control, nullptr);
    if (the_service.handle == nullptr) {
        the_service.outcome = spi::last_error("RegisterServiceCtrlHandlerExW");
        return;
    }
    the_service.tell(SERVICE_RUNNING);
    the_service.outcome = spi::guard_change(the_service.stop);
    // Stopped without having told so would count as a crash, and Windows would start it once more.
    the_service.tell(SERVICE_STOPPED, the_service.outcome.ok() ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR);
}

} // namespace

int service(const Arguments&) {
    const spi::UniqueHandle stop(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!stop) {
        return report(spi::last_error("CreateEventW"));
    }
    the_service.stop = stop.get();
    std::wstring name = spi::guard_service;
    const SERVICE_TABLE_ENTRYW table[] = {{name.data(), service_main}, {nullptr, nullptr}};
    if (!StartServiceCtrlDispatcherW(table)) {
        return report(spi::last_error("StartServiceCtrlDispatcherW", "be the service; only Windows can start it"));
    }
    return the_service.outcome.ok() ? exit_done : report(the_service.outcome);
}

} // namespace winsock_spi::rescue
