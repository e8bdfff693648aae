// restricted.exe KIND PROGRAM ARGS...: runs PROGRAM with fewer rights than this process has, on this one's handles, and
// ends with its exit code. So an administrator's test sees what becomes of a user without rights.
//   user   Administrators only for denying, no privileges, medium integrity: what a user has who is not elevated
//   low    the same with low integrity, as a browser gives its children
#include <windows.h>
#include <sddl.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "common.hpp"

namespace {

using program::Handle;

[[noreturn]] void failed(const char* what) {
    program::fail(what, static_cast<int>(GetLastError()));
}

std::vector<unsigned char> token_information(HANDLE token, TOKEN_INFORMATION_CLASS what) {
    DWORD size = 0;
    GetTokenInformation(token, what, nullptr, 0, &size);
    std::vector<unsigned char> buffer(size);
    if (!GetTokenInformation(token, what, buffer.data(), size, &size)) {
        failed("GetTokenInformation");
    }
    return buffer;
}

std::vector<unsigned char> well_known_sid(WELL_KNOWN_SID_TYPE type) {
    DWORD size = SECURITY_MAX_SID_SIZE;
    std::vector<unsigned char> sid(size);
    if (!CreateWellKnownSid(type, nullptr, sid.data(), &size)) {
        failed("CreateWellKnownSid");
    }
    return sid;
}

// A descriptor that gives the token's user and SYSTEM everything.
class OwnObjects {
public:
    explicit OwnObjects(PSID user) {
        wchar_t* text = nullptr;
        if (!ConvertSidToStringSidW(user, &text)) {
            failed("ConvertSidToStringSidW");
        }
        const std::wstring sddl = std::wstring(L"D:(A;;GA;;;SY)(A;;GA;;;") + text + L")";
        LocalFree(text);
        if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl.c_str(), SDDL_REVISION_1, &descriptor_,
                                                                  nullptr)) {
            failed("ConvertStringSecurityDescriptorToSecurityDescriptorW");
        }
    }
    ~OwnObjects() { LocalFree(descriptor_); }
    OwnObjects(const OwnObjects&) = delete;
    OwnObjects& operator=(const OwnObjects&) = delete;

    SECURITY_ATTRIBUTES attributes() const { return {sizeof(SECURITY_ATTRIBUTES), descriptor_, FALSE}; }
    PACL dacl() const {
        PACL acl = nullptr;
        BOOL present = FALSE;
        BOOL defaulted = FALSE;
        if (!GetSecurityDescriptorDacl(descriptor_, &present, &acl, &defaulted) || !present) {
            failed("GetSecurityDescriptorDacl");
        }
        return acl;
    }

private:
    PSECURITY_DESCRIPTOR descriptor_ = nullptr;
};

Handle restricted_token(bool low) {
    HANDLE opened = nullptr;
    if (!OpenProcessToken(GetCurrentProcess(),
                          TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ADJUST_DEFAULT | TOKEN_ASSIGN_PRIMARY, &opened)) {
        failed("OpenProcessToken");
    }
    const Handle own(opened, "token");
    std::vector<unsigned char> administrators = well_known_sid(WinBuiltinAdministratorsSid);
    SID_AND_ATTRIBUTES denied{administrators.data(), 0};
    HANDLE made = nullptr;
    if (!CreateRestrictedToken(own.get(), DISABLE_MAX_PRIVILEGE, 1, &denied, 0, nullptr, 0, nullptr, &made)) {
        failed("CreateRestrictedToken");
    }
    Handle token(made, "restricted token");

    // What an elevated process makes belongs to Administrators, and only they may open it: the restricted one could not
    // open what it makes itself.
    std::vector<unsigned char> user = token_information(token.get(), TokenUser);
    PSID sid = reinterpret_cast<TOKEN_USER*>(user.data())->User.Sid;
    TOKEN_OWNER owner{sid};
    const OwnObjects objects(sid);
    TOKEN_DEFAULT_DACL dacl{objects.dacl()};
    // Wine cannot be told the owner, and knows no other than the user.
    if (!SetTokenInformation(token.get(), TokenOwner, &owner, sizeof owner) &&
        GetLastError() != ERROR_INVALID_FUNCTION) {
        failed("SetTokenInformation (TokenOwner)");
    }
    if (!SetTokenInformation(token.get(), TokenDefaultDacl, &dacl, sizeof dacl)) {
        failed("SetTokenInformation (TokenDefaultDacl)");
    }
    std::vector<unsigned char> level = well_known_sid(low ? WinLowLabelSid : WinMediumLabelSid);
    TOKEN_MANDATORY_LABEL label{{level.data(), SE_GROUP_INTEGRITY}};
    if (!SetTokenInformation(token.get(), TokenIntegrityLevel, &label,
                             static_cast<DWORD>(sizeof label + GetLengthSid(level.data())))) {
        failed("SetTokenInformation (TokenIntegrityLevel)");
    }
    return token;
}

int run_restricted(bool low, std::wstring line) {
    const Handle token = restricted_token(low);
    std::vector<unsigned char> user = token_information(token.get(), TokenUser);
    const OwnObjects objects(reinterpret_cast<TOKEN_USER*>(user.data())->User.Sid);
    SECURITY_ATTRIBUTES own = objects.attributes();
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION information{};
    if (!CreateProcessAsUserW(token.get(), nullptr, line.data(), &own, &own, TRUE, 0, nullptr, nullptr, &startup,
                              &information)) {
        failed("CreateProcessAsUserW");
    }
    const Handle process(information.hProcess, "process");
    const Handle thread(information.hThread, "thread");
    DWORD code = 1;
    if (WaitForSingleObject(process.get(), INFINITE) != WAIT_OBJECT_0 || !GetExitCodeProcess(process.get(), &code)) {
        failed("WaitForSingleObject");
    }
    return static_cast<int>(code);
}

} // namespace

int wmain(int argc, wchar_t** argv) {
    const std::wstring kind = argc < 3 ? L"" : argv[1];
    if (kind != L"user" && kind != L"low") {
        std::fputs("usage: restricted user|low PROGRAM ARGS...\n", stderr);
        return 64;
    }
    try {
        return run_restricted(kind == L"low", program::command_line(argc, argv, 2, INVALID_SOCKET));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "restricted: %s\n", error.what());
        return 65;
    }
}
