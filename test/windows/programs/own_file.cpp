// Makes a file somebody else's, as an administrator can:   own_file FILE SID
// Exit code: 0, or Windows' error; ERROR_NOT_SUPPORTED (50) where the system does not keep it (Wine).
#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

namespace {

// To give a file an owner who is not oneself takes this privilege, which administrators have and do not use.
void enable_restore_privilege() {
    HANDLE token = nullptr;
    TOKEN_PRIVILEGES privileges{};
    privileges.PrivilegeCount = 1;
    privileges.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    if (OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token)) {
        if (LookupPrivilegeValueW(nullptr, L"SeRestorePrivilege", &privileges.Privileges[0].Luid)) {
            AdjustTokenPrivileges(token, FALSE, &privileges, 0, nullptr, nullptr);
        }
        CloseHandle(token);
    }
}

bool owns(PSID owner, wchar_t* file) {
    PSID found = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD error = GetNamedSecurityInfoW(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &found, nullptr,
                                              nullptr, nullptr, &descriptor);
    const bool same = error == ERROR_SUCCESS && EqualSid(owner, found) != FALSE;
    LocalFree(descriptor);
    return same;
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    PSID owner = nullptr;
    if (argc != 3 || !ConvertStringSidToSidW(argv[2], &owner)) {
        return ERROR_INVALID_PARAMETER;
    }
    enable_restore_privilege();
    DWORD error =
        SetNamedSecurityInfoW(argv[1], SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, owner, nullptr, nullptr, nullptr);
    if (error == ERROR_SUCCESS && !owns(owner, argv[1])) {
        error = ERROR_NOT_SUPPORTED;
    }
    LocalFree(owner);
    return static_cast<int>(error);
}
