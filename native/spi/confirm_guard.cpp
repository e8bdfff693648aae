#include "confirm_guard.hpp"

#include "confirm_deadline.hpp"
#include "files.hpp"
#include "process.hpp"
#include "text.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {
namespace {

constexpr DWORD guard_end_milliseconds = 15000;
constexpr DWORD pause_milliseconds = 100;
constexpr int restart_after_crash_milliseconds = 1000;

struct ServiceTraits {
    using type = SC_HANDLE;
    static type invalid() { return nullptr; }
    static void close(type value) { CloseServiceHandle(value); }
};
using UniqueService = Unique<ServiceTraits>;

std::wstring guard_folder(const std::wstring& data) {
    return data + L"\\guard";
}

std::wstring program_path(const std::wstring& data, int bits) {
    return guard_folder(data) + (bits == 64 ? L"\\winsock-spi-rescue-64.exe" : L"\\winsock-spi-rescue-32.exe");
}

bool is_there(const std::wstring& path) {
    FileKind kind = FileKind::missing;
    return file_kind(path, kind).ok() && kind != FileKind::missing;
}

// The process of the service, to wait for; none where it does not run.
UniqueHandle guard_process(SC_HANDLE service) {
    SERVICE_STATUS_PROCESS state{};
    DWORD size = 0;
    if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, reinterpret_cast<BYTE*>(&state), sizeof(state), &size) ||
        state.dwProcessId == 0) {
        return {};
    }
    return UniqueHandle(OpenProcess(SYNCHRONIZE, FALSE, state.dwProcessId));
}

// Has the guard end. It may be only starting, and then takes no order yet; where it does not end at all (a debugger
// holds it), it finds nothing to do when it goes on.
void stop_guard(SC_HANDLE service) {
    const ULONGLONG end = GetTickCount64() + guard_end_milliseconds;
    for (;;) {
        const UniqueHandle process = guard_process(service);
        SERVICE_STATUS state{};
        const bool told = ControlService(service, SERVICE_CONTROL_STOP, &state) != FALSE;
        const ULONGLONG now = GetTickCount64();
        if (now >= end || (!process && !told)) {
            return;
        }
        const DWORD patience = told ? static_cast<DWORD>(end - now) : pause_milliseconds;
        if (!process || WaitForSingleObject(process.get(), patience) == WAIT_OBJECT_0) {
            return;
        }
    }
}

Status remove_service(Caller caller, WritePoints& points) {
    const UniqueService manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    if (!manager) {
        return last_error("OpenSCManagerW");
    }
    const UniqueService service(
        OpenServiceW(manager.get(), guard_service, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE));
    if (!service) {
        const DWORD error = GetLastError();
        return error == ERROR_SERVICE_DOES_NOT_EXIST ? Status{}
                                                     : system_error(error, "OpenServiceW", narrow(guard_service));
    }
    if (caller == Caller::other) {
        stop_guard(service.get());
    }
    end_deadline(guard_key, points);
    points.next();
    if (!DeleteService(service.get()) && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
        return last_error("DeleteService", narrow(guard_service));
    }
    return {};
}

// A service that was deleted is there until the last handle to it is closed, also by its own process.
Status create_service(SC_HANDLE manager, const std::wstring& command, UniqueService& service, WritePoints& points) {
    const ULONGLONG end = GetTickCount64() + guard_end_milliseconds;
    for (;;) {
        points.next();
        service.reset(CreateServiceW(manager, guard_service, L"winsock-spi: undoes an unconfirmed change of Winsock",
                                     SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                     SERVICE_ERROR_NORMAL, command.c_str(), nullptr, nullptr, nullptr, nullptr,
                                     nullptr));
        if (service) {
            return {};
        }
        const DWORD error = GetLastError();
        if (error != ERROR_SERVICE_MARKED_FOR_DELETE || GetTickCount64() >= end) {
            return system_error(error, "CreateServiceW", narrow(guard_service));
        }
        Sleep(pause_milliseconds); // Windows tells nobody when it is gone
    }
}

// What makes it more useful but is not needed; Windows also starts it at the next boot.
void describe_service(SC_HANDLE service) {
    wchar_t text[] =
        L"Undoes a change of the Winsock catalog that was not confirmed in time (winsock-spi confirm), and "
        L"then removes itself.";
    SERVICE_DESCRIPTIONW description{text};
    ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &description);
    SC_ACTION restart{SC_ACTION_RESTART, restart_after_crash_milliseconds};
    SERVICE_FAILURE_ACTIONSW actions{};
    actions.cActions = 1;
    actions.lpsaActions = &restart;
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &actions);
}

Status copy_programs(const std::wstring& data, const std::map<int, std::wstring>& programs, Leftovers& leftovers,
                     WritePoints& points) {
    const std::wstring folder = guard_folder(data);
    leftovers.keep(folder, points);
    Status status = create_folder(folder, Access::private_access, points);
    if (status.number == ERROR_ALREADY_EXISTS) {
        status = claim_folder(folder, Access::private_access, points);
    }
    if (!status.ok()) {
        return status;
    }
    for (const auto& [bits, program] : programs) {
        const std::wstring copy = program_path(data, bits);
        if (is_there(copy) && !delete_file(copy, points).ok()) { // of a guard that is only just ending
            const std::wstring aside = aside_name(copy, L"old");
            if (status = rename_file(copy, aside, points); !status.ok()) {
                return status;
            }
            leftovers.remove_file(aside, true, points);
        }
        std::vector<std::uint8_t> bytes;
        if (status = read_file(program, bytes); !status.ok()) {
            return status;
        }
        status = write_new_file(copy, bytes.data(), bytes.size(), Access::private_access, points);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

Status register_and_start(const std::wstring& program, WritePoints& points) {
    const UniqueService manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE));
    if (!manager) {
        return last_error("OpenSCManagerW");
    }
    UniqueService service;
    if (Status status = create_service(manager.get(), quote_argument(program) + L" service", service, points);
        !status.ok()) {
        return status;
    }
    describe_service(service.get());
    return StartServiceW(service.get(), 0, nullptr) ? Status{} : last_error("StartServiceW", narrow(guard_service));
}

} // namespace

bool has_guard(const std::wstring& data) {
    return is_there(guard_folder(data));
}

std::map<int, std::wstring> guard_programs(const std::wstring& data) {
    std::map<int, std::wstring> programs;
    for (const int bits : {64, 32}) {
        if (const std::wstring path = program_path(data, bits); is_there(path)) {
            programs[bits] = path;
        }
    }
    return programs;
}

Status arm_guard(const std::wstring& data, const std::map<int, std::wstring>& programs, Leftovers& leftovers,
                 WritePoints& points) {
    if (programs.empty()) {
        return own_error("ERR_PLAN_INVALID", "no winsock-spi-rescue.exe is named to guard the change");
    }
    Status status = disarm_guard(data, Caller::other, leftovers, points);
    if (status.ok()) {
        status = copy_programs(data, programs, leftovers, points);
    }
    if (status.ok()) {
        status = register_and_start(program_path(data, programs.rbegin()->first), points);
    }
    if (!status.ok()) {
        static_cast<void>(disarm_guard(data, Caller::other, leftovers, points));
        status.message = "the service that would undo the change could not be made: " + status.message;
    }
    return status;
}

Status disarm_guard(const std::wstring& data, Caller caller, Leftovers& leftovers, WritePoints& points) {
    if (!has_guard(data)) {
        return {};
    }
    if (Status status = remove_service(caller, points); !status.ok()) {
        return status;
    }
    leftovers.remove_folder(guard_folder(data), true, points);
    return {};
}

} // namespace winsock_spi::spi
