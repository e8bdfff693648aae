#include "code_integrity.hpp"

#include "nt_api.hpp"

namespace winsock_spi::spi {
namespace {

constexpr wchar_t policy_key[] = L"SYSTEM\\CurrentControlSet\\Control\\CI\\Policy";
constexpr wchar_t policy_value[] = L"VerifiedAndReputablePolicyState"; // 0 off, 1 on, 2 evaluation

// https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
constexpr auto code_integrity_information = static_cast<SYSTEM_INFORMATION_CLASS>(103);
constexpr ULONG user_mode_enabled = 0x4; // CODEINTEGRITY_OPTION_UMCI_ENABLED
constexpr ULONG user_mode_audit = 0x8;   // CODEINTEGRITY_OPTION_UMCI_AUDITMODE_ENABLED

struct CodeIntegrityInformation {
    ULONG length;
    ULONG options;
};

SmartAppControl read_smart_app_control() {
    DWORD state = 0;
    DWORD size = sizeof(state);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, policy_key, policy_value, RRF_RT_REG_DWORD, nullptr, &state, &size) !=
        ERROR_SUCCESS) {
        return SmartAppControl::absent;
    }
    return state == 1 ? SmartAppControl::on : state == 2 ? SmartAppControl::evaluation : SmartAppControl::off;
}

} // namespace

CodeIntegrity read_code_integrity() {
    CodeIntegrity found;
    found.smart_app_control = read_smart_app_control();
    CodeIntegrityInformation information{sizeof(information), 0};
    ULONG size = 0;
    if (nt_success(NtQuerySystemInformation(code_integrity_information, &information, sizeof(information), &size))) {
        found.user_mode = (information.options & user_mode_enabled) != 0;
        found.audit_only = (information.options & user_mode_audit) != 0;
    }
    return found;
}

} // namespace winsock_spi::spi
