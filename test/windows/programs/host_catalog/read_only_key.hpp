// A registry key as a program without administrator rights meets it.
#pragma once

#include "registry_snapshot.hpp"

// While it exists, a key may be read and not written, by anybody.
class ReadOnlyKey {
public:
    explicit ReadOnlyKey(const std::wstring& path) : key_(HKEY_LOCAL_MACHINE, path), before_(65536) {
        DWORD size = static_cast<DWORD>(before_.size());
        kept_ = RegGetKeySecurity(key_.get(), DACL_SECURITY_INFORMATION, before_.data(), &size);
        BYTE everyone[SECURITY_MAX_SID_SIZE];
        DWORD sid_size = sizeof(everyone);
        CreateWellKnownSid(WinWorldSid, nullptr, everyone, &sid_size);
        alignas(ACL) BYTE room[256];
        ACL* acl = reinterpret_cast<ACL*>(room);
        InitializeAcl(acl, sizeof(room), ACL_REVISION);
        AddAccessAllowedAce(acl, ACL_REVISION, KEY_READ, everyone);
        SECURITY_DESCRIPTOR descriptor;
        InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
        SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE);
        RegSetKeySecurity(key_.get(), DACL_SECURITY_INFORMATION, &descriptor);
    }
    ~ReadOnlyKey() { RegSetKeySecurity(key_.get(), DACL_SECURITY_INFORMATION, before_.data()); }
    // Whether there is something to go back to.
    LSTATUS kept() const { return kept_; }
    ReadOnlyKey(const ReadOnlyKey&) = delete;
    ReadOnlyKey& operator=(const ReadOnlyKey&) = delete;

private:
    Key key_;
    std::vector<BYTE> before_;
    LSTATUS kept_ = ERROR_SUCCESS;
};
