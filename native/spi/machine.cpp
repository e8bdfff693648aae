#include "machine.hpp"

#include "text.hpp"
#include "unique.hpp"

namespace winsock_spi::spi {
namespace {

Status expand(const std::wstring& text, std::wstring& expanded) {
    const DWORD size = ExpandEnvironmentStringsW(text.c_str(), nullptr, 0);
    std::wstring buffer(size, L'\0');
    const DWORD written = ExpandEnvironmentStringsW(text.c_str(), buffer.data(), size);
    if (written == 0 || written > size) {
        return last_error("ExpandEnvironmentStringsW", narrow(text));
    }
    buffer.resize(written - 1);
    expanded = std::move(buffer);
    return {};
}

// A string below HKLM\SOFTWARE, in the 64-bit view also for a 32-bit process.
Status read_string(const wchar_t* path, const wchar_t* name, std::wstring& text) {
    UniqueKey key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, key.put());
    if (error != ERROR_SUCCESS) {
        return system_error(static_cast<std::uint32_t>(error), "RegOpenKeyExW", narrow(path));
    }
    wchar_t buffer[1024];
    DWORD size = sizeof(buffer);
    error = RegGetValueW(key.get(), nullptr, name, RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, nullptr, buffer,
                         &size);
    if (error != ERROR_SUCCESS) {
        return system_error(static_cast<std::uint32_t>(error), "RegGetValueW", narrow(path) + "\\" + narrow(name));
    }
    text = buffer;
    return {};
}

std::wstring windows_folder() {
    wchar_t buffer[MAX_PATH];
    const UINT length = GetSystemWindowsDirectoryW(buffer, MAX_PATH);
    return std::wstring(buffer, length < MAX_PATH ? length : 0);
}

bool starts_with(const std::wstring& text, const std::wstring& prefix) {
    return text.size() >= prefix.size() && equal_names(std::wstring_view(text).substr(0, prefix.size()), prefix);
}

void replace_variable(std::wstring& text, std::wstring_view from, std::wstring_view to) {
    for (std::size_t at = 0; at + from.size() <= text.size();) {
        if (equal_names(std::wstring_view(text).substr(at, from.size()), from)) {
            text.replace(at, from.size(), to);
            at += to.size();
        } else {
            ++at;
        }
    }
}

// Folders in the registry name only %SystemRoot% and %SystemDrive%; they are put in from the system itself.
std::wstring expand_trusted(std::wstring text) {
    const std::wstring root = windows_folder();
    replace_variable(text, L"%SystemRoot%", root);
    replace_variable(text, L"%SystemDrive%", root.substr(0, 2));
    return text;
}

} // namespace

std::optional<DWORD> own_integrity() {
    UniqueHandle token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, token.put())) {
        return std::nullopt;
    }
    unsigned char buffer[sizeof(TOKEN_MANDATORY_LABEL) + SECURITY_MAX_SID_SIZE];
    DWORD size = 0;
    if (!GetTokenInformation(token.get(), TokenIntegrityLevel, buffer, sizeof(buffer), &size)) {
        return std::nullopt;
    }
    PSID sid = reinterpret_cast<TOKEN_MANDATORY_LABEL*>(buffer)->Label.Sid;
    const UCHAR count = *GetSidSubAuthorityCount(sid);
    return count > 0 ? std::optional(*GetSidSubAuthority(sid, count - 1u)) : std::nullopt;
}

bool is_64_bit_windows() {
    if constexpr (sizeof(void*) == 8) {
        return true;
    } else {
        BOOL emulated = FALSE;
        return IsWow64Process(GetCurrentProcess(), &emulated) && emulated;
    }
}

Status program_data_folder(std::wstring& path) {
    std::wstring text;
    if (Status status =
            read_string(L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList", L"ProgramData", text);
        !status.ok()) {
        return status;
    }
    path = expand_trusted(std::move(text));
    return {};
}

Status data_folder(std::wstring& path) {
    if (Status status = program_data_folder(path); !status.ok()) {
        return status;
    }
    path += L"\\winsock-spi";
    return {};
}

Status read_machine(Machine& machine) {
    SYSTEM_INFO info{};
    GetNativeSystemInfo(&info);
    switch (info.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_ARM64: machine.arch = "arm64"; break;
    case PROCESSOR_ARCHITECTURE_AMD64: machine.arch = "x64"; break;
    default: machine.arch = "ia32";
    }
    // An x64 process on an ARM64 machine is told AMD64 above; this newer function says what the machine is.
    using IsWow64Process2Function = BOOL(WINAPI*)(HANDLE, USHORT*, USHORT*);
    const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    const auto is_wow64_process2 =
        reinterpret_cast<IsWow64Process2Function>(reinterpret_cast<void*>(GetProcAddress(kernel, "IsWow64Process2")));
    USHORT process = 0;
    USHORT native = 0;
    if (is_wow64_process2 != nullptr && is_wow64_process2(GetCurrentProcess(), &process, &native) &&
        native == IMAGE_FILE_MACHINE_ARM64) {
        machine.arch = "arm64";
    }
    machine.catalogs = is_64_bit_windows() ? std::vector<int>{64, 32} : std::vector<int>{32};

    // GetVersionEx answers what the program's manifest asks for; RtlGetVersion answers the truth.
    using RtlGetVersionFunction = LONG(WINAPI*)(OSVERSIONINFOW*);
    const auto rtl_get_version = reinterpret_cast<RtlGetVersionFunction>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")));
    OSVERSIONINFOW version{};
    version.dwOSVersionInfoSize = sizeof(version);
    if (rtl_get_version == nullptr || rtl_get_version(&version) != 0) {
        return own_error("ERR_UNSUPPORTED_PLATFORM", "RtlGetVersion does not answer");
    }
    machine.wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
    machine.windows = std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) + "." +
                      std::to_string(version.dwBuildNumber);

    // What counts is whether a right granted to Administrators is granted to this process: in a filtered token the
    // group is there for denying only, and below high integrity nothing of theirs may be written.
    SID_IDENTIFIER_AUTHORITY nt_authority = {SECURITY_NT_AUTHORITY};
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    if (!InitializeSid(administrators, &nt_authority, 2)) {
        return last_error("InitializeSid");
    }
    *GetSidSubAuthority(administrators, 0) = SECURITY_BUILTIN_DOMAIN_RID;
    *GetSidSubAuthority(administrators, 1) = DOMAIN_ALIAS_RID_ADMINS;
    BOOL member = FALSE;
    if (!CheckTokenMembership(nullptr, administrators, &member)) {
        return last_error("CheckTokenMembership");
    }
    machine.elevated =
        member != FALSE && own_integrity().value_or(SECURITY_MANDATORY_HIGH_RID) >= SECURITY_MANDATORY_HIGH_RID;

    machine.system_root = windows_folder();
    if (Status status =
            read_string(L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion", L"ProgramFilesDir", machine.program_files);
        !status.ok()) {
        return status;
    }
    machine.program_files = expand_trusted(std::move(machine.program_files));
    if (Status status = program_data_folder(machine.program_data); !status.ok()) {
        return status;
    }
    wchar_t computer[MAX_COMPUTERNAME_LENGTH + 1];
    DWORD length = static_cast<DWORD>(std::size(computer));
    if (!GetComputerNameW(computer, &length)) {
        return last_error("GetComputerNameW");
    }
    machine.computer.assign(computer, length);
    return {};
}

Status expand_path(const std::wstring& path, int bits, std::wstring& expanded) {
    std::wstring text = path;
    const bool other_view = is_64_bit_windows();
    if (other_view) {
        replace_variable(text, L"%ProgramFiles%", bits == 32 ? L"%ProgramFiles(x86)%" : L"%ProgramW6432%");
        replace_variable(text, L"%CommonProgramFiles%",
                         bits == 32 ? L"%CommonProgramFiles(x86)%" : L"%CommonProgramW6432%");
    }
    if (Status status = expand(text, expanded); !status.ok()) {
        return status;
    }
    if (!other_view) {
        return {};
    }
    const std::wstring root = windows_folder();
    const std::wstring system = root + L"\\system32\\";
    if (!starts_with(expanded, system)) {
        return {};
    }
    const std::wstring rest = expanded.substr(system.size());
    if (bits == 32) {
        expanded = root + L"\\SysWOW64\\" + rest;
    } else if (sizeof(void*) == 4) {
        expanded = root + L"\\Sysnative\\" + rest; // how a 32-bit process names the 64-bit System32
    }
    return {};
}

} // namespace winsock_spi::spi
