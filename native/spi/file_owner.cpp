#include "file_owner.hpp"

#include <aclapi.h>
#include <sddl.h>

#include <vector>

namespace winsock_spi::spi {

namespace {

constexpr const wchar_t* trusted_owners[] = {
    L"S-1-5-32-544", // Administrators
    L"S-1-5-18",     // SYSTEM
    L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", // TrustedInstaller
};

// TokenUser and TokenOwner both begin with a pointer to a SID.
OwnerAnswer compare(HANDLE token, TOKEN_INFORMATION_CLASS what, PSID owner) {
    static_assert(offsetof(TOKEN_USER, User.Sid) == 0 && offsetof(TOKEN_OWNER, Owner) == 0);
    DWORD size = 0;
    GetTokenInformation(token, what, nullptr, 0, &size);
    std::vector<BYTE> buffer(size);
    if (size < sizeof(PSID) || !GetTokenInformation(token, what, buffer.data(), size, &size)) {
        return OwnerAnswer::unknown;
    }
    PSID const sid = *reinterpret_cast<const PSID*>(buffer.data());
    return EqualSid(sid, owner) ? OwnerAnswer::yes : OwnerAnswer::no;
}

// Whether `sid` is the user of the process, or whom this user's new files belong to.
OwnerAnswer is_user_of(HANDLE process, PSID sid) {
    UniqueHandle token;
    if (!OpenProcessToken(process, TOKEN_QUERY, token.put())) {
        return OwnerAnswer::unknown;
    }
    const OwnerAnswer user = compare(token.get(), TokenUser, sid);
    return user == OwnerAnswer::no ? compare(token.get(), TokenOwner, sid) : user;
}

} // namespace

bool is_trusted(PSID sid) {
    for (const wchar_t* text : trusted_owners) {
        PSID trusted = nullptr;
        if (ConvertStringSidToSidW(text, &trusted)) {
            const UniqueLocal keeper(trusted);
            if (EqualSid(sid, trusted)) {
                return true;
            }
        }
    }
    // What could put commands into this user's own files could start this program itself.
    return is_user_of(GetCurrentProcess(), sid) == OwnerAnswer::yes;
}

FileOwner::FileOwner(HANDLE file) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (GetSecurityInfo(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner_, nullptr, nullptr, nullptr,
                        &descriptor) == ERROR_SUCCESS) {
        descriptor_.reset(descriptor);
    } else {
        owner_ = nullptr;
    }
}

OwnerAnswer FileOwner::is_of(HANDLE process) const {
    return owner_ == nullptr ? OwnerAnswer::no : is_user_of(process, owner_);
}

} // namespace winsock_spi::spi
