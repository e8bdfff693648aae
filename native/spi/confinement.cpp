#include "confinement.hpp"

#include "machine.hpp"
#include "system_library.hpp"

namespace winsock_spi::spi {
namespace {

// The name from which the package SID of the probe is derived. No profile of that name is ever made.
constexpr wchar_t container_name[] = L"winsock-spi-probe";

constexpr DWORD mitigation_policy_attribute = 0x20007;     // PROC_THREAD_ATTRIBUTE_MITIGATION_POLICY
constexpr DWORD security_capabilities_attribute = 0x20009; // PROC_THREAD_ATTRIBUTE_SECURITY_CAPABILITIES
constexpr DWORD64 only_microsoft_binaries = DWORD64{1} << 44; // ..._BLOCK_NON_MICROSOFT_BINARIES_ALWAYS_ON
constexpr int signature_policy = 8;                        // ProcessSignaturePolicy
constexpr auto token_is_app_container = static_cast<TOKEN_INFORMATION_CLASS>(29);

using DeriveSid = HRESULT(WINAPI*)(PCWSTR, PSID*);
using GetPolicy = BOOL(WINAPI*)(HANDLE, int, PVOID, SIZE_T);

Status well_known_sid(WELL_KNOWN_SID_TYPE type, std::vector<unsigned char>& sid) {
    DWORD size = SECURITY_MAX_SID_SIZE;
    sid.resize(size);
    return CreateWellKnownSid(type, nullptr, sid.data(), &size) ? Status{} : last_error("CreateWellKnownSid");
}

bool takes_only_microsoft() {
    UniqueModule kernel;
    GetPolicy get = nullptr;
    DWORD flags = 0;
    return load_system_library(L"kernel32.dll", kernel).ok() &&
           find_function(kernel, get, "GetProcessMitigationPolicy").ok() &&
           get(GetCurrentProcess(), signature_policy, &flags, sizeof(flags)) && (flags & 1) != 0;
}

} // namespace

const wchar_t* confinement_name(Confinement confinement) {
    switch (confinement) {
    case Confinement::low_integrity: return L"low-integrity";
    case Confinement::app_container: return L"app-container";
    case Confinement::signed_only: return L"signed-only";
    default: return L"";
    }
}

bool is_confined(Confinement confinement) {
    UniqueHandle token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, token.put())) {
        return false;
    }
    DWORD container = 0;
    DWORD size = 0;
    switch (confinement) {
    case Confinement::low_integrity:
        return own_integrity().value_or(SECURITY_MANDATORY_HIGH_RID) <= SECURITY_MANDATORY_LOW_RID;
    case Confinement::app_container:
        return GetTokenInformation(token.get(), token_is_app_container, &container, sizeof(container), &size) &&
               container != 0;
    case Confinement::signed_only: return takes_only_microsoft();
    default: return true;
    }
}

Status ConfinedStart::prepare_low_integrity() {
    UniqueHandle own;
    if (!OpenProcessToken(GetCurrentProcess(),
                          TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ADJUST_DEFAULT | TOKEN_ASSIGN_PRIMARY, own.put())) {
        return last_error("OpenProcessToken");
    }
    if (!DuplicateTokenEx(own.get(), 0, nullptr, SecurityImpersonation, TokenPrimary, token_.put())) {
        return last_error("DuplicateTokenEx");
    }
    std::vector<unsigned char> sid;
    if (Status status = well_known_sid(WinLowLabelSid, sid); !status.ok()) {
        return status;
    }
    TOKEN_MANDATORY_LABEL label{{sid.data(), SE_GROUP_INTEGRITY}};
    return SetTokenInformation(token_.get(), TokenIntegrityLevel, &label, sizeof(label) + GetLengthSid(sid.data()))
               ? Status{}
               : last_error("SetTokenInformation");
}

Status ConfinedStart::prepare_app_container() {
    UniqueModule userenv;
    DeriveSid derive = nullptr;
    if (Status status = load_system_library(L"userenv.dll", userenv); !status.ok()) {
        return status;
    }
    Status status = find_function(userenv, derive, "DeriveAppContainerSidFromAppContainerName");
    if (!status.ok()) {
        return status;
    }
    PSID sid = nullptr;
    if (const HRESULT result = derive(container_name, &sid); FAILED(result) || sid == nullptr) {
        return system_error(static_cast<std::uint32_t>(result), "DeriveAppContainerSidFromAppContainerName");
    }
    const auto* bytes = static_cast<const unsigned char*>(sid);
    container_sid_.assign(bytes, bytes + GetLengthSid(sid));
    FreeSid(sid);
    // What a packaged app asks for that talks to others.
    constexpr WELL_KNOWN_SID_TYPE wanted[] = {WinCapabilityInternetClientServerSid,
                                              WinCapabilityPrivateNetworkClientServerSid};
    for (std::size_t i = 0; i < 2; ++i) {
        if (status = well_known_sid(wanted[i], capability_sids_[i]); !status.ok()) {
            return status;
        }
        capabilities_[i] = {capability_sids_[i].data(), SE_GROUP_ENABLED};
    }
    security_.AppContainerSid = container_sid_.data();
    security_.Capabilities = capabilities_;
    security_.CapabilityCount = 2;
    attributes_.push_back({security_capabilities_attribute, &security_, sizeof(security_)});
    return {};
}

Status ConfinedStart::prepare(Confinement confinement) {
    switch (confinement) {
    case Confinement::low_integrity: return prepare_low_integrity();
    case Confinement::app_container: return prepare_app_container();
    case Confinement::signed_only:
        mitigation_ = only_microsoft_binaries;
        attributes_.push_back({mitigation_policy_attribute, &mitigation_, sizeof(mitigation_)});
        return {};
    default: return {};
    }
}

} // namespace winsock_spi::spi
