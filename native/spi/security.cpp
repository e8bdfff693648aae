#include "security.hpp"

#include <aclapi.h>
#include <sddl.h>

#include <vector>

#include "file_owner.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

// FA = everything; 0x1200a9 = read and execute; 0x120089 = read; 0x12008b = read and write data, not append;
// 0x1200a2 = create files, traverse, read attributes, not list. AC = all application packages, S-1-15-2-2 = the
// restricted ones, CO = whoever creates the file.
constexpr const wchar_t* descriptors[] = {
    L"O:BAD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICI;0x1200a9;;;AC)(A;OICI;0x1200a9;;;S-1-15-2-2)",
    L"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)",
    L"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1200a2;;;AU)(A;;0x1200a2;;;AC)(A;;0x1200a2;;;S-1-15-2-2)"
    L"(A;OIIO;FA;;;CO)",
    L"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
    L"O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x120089;;;BU)(A;;0x120089;;;AC)(A;;0x120089;;;S-1-15-2-2)",
    L"O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12008b;;;AU)(A;;0x120089;;;AC)(A;;0x120089;;;S-1-15-2-2)",
};

// Rights that change a file or hand out the right to.
constexpr ACCESS_MASK writing = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | DELETE |
                                WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;

std::string sid_text(PSID sid) {
    wchar_t* text = nullptr;
    if (sid == nullptr || !ConvertSidToStringSidW(sid, &text)) {
        return "an unknown owner";
    }
    const UniqueLocal owner(text);
    return narrow(text);
}

UniqueFile open_itself(const std::wstring& path, DWORD access) {
    return UniqueFile(CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
}

// Gives an open file or folder owner and DACL of a descriptor. The DACL inherits from the parent unless protected.
Status set_descriptor(HANDLE handle, const std::wstring& path, const wchar_t* sddl, WritePoints& points) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, nullptr)) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW", narrow(path));
    }
    const UniqueLocal descriptor_owner(descriptor);
    PSID owner = nullptr;
    PACL dacl = nullptr;
    BOOL present = FALSE;
    BOOL defaulted = FALSE;
    SECURITY_DESCRIPTOR_CONTROL control = 0;
    DWORD revision = 0;
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted) ||
        !GetSecurityDescriptorControl(descriptor, &control, &revision)) {
        return last_error("GetSecurityDescriptorDacl", narrow(path));
    }
    SECURITY_INFORMATION parts = DACL_SECURITY_INFORMATION;
    parts |= (control & SE_DACL_PROTECTED) != 0 ? PROTECTED_DACL_SECURITY_INFORMATION
                                                : UNPROTECTED_DACL_SECURITY_INFORMATION;
    if (owner != nullptr) {
        parts |= OWNER_SECURITY_INFORMATION;
    }
    points.next();
    const DWORD error = SetSecurityInfo(handle, SE_FILE_OBJECT, parts, owner, nullptr, dacl, nullptr);
    return error == ERROR_SUCCESS ? Status{} : system_error(error, "SetSecurityInfo", narrow(path));
}

} // namespace

std::optional<Access> folder_access(std::string_view name) {
    return name == "program"   ? std::optional(Access::program)
           : name == "data"    ? std::optional(Access::data)
           : name == "rings"   ? std::optional(Access::rings)
           : name == "private" ? std::optional(Access::private_access)
                               : std::nullopt;
}

const wchar_t* access_sddl(Access access) {
    return descriptors[static_cast<std::size_t>(access)];
}

SecurityAttributes::SecurityAttributes(const wchar_t* sddl) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, nullptr)) {
        descriptor_.reset(descriptor);
        attributes_ = {sizeof(attributes_), descriptor, FALSE};
    }
}

Status create_folder(const std::wstring& path, Access access, WritePoints& points) {
    // Closed at first, so that nobody gets in before the descriptor with its inherited part stands.
    SecurityAttributes closed(access_sddl(Access::private_access));
    if (closed.get() == nullptr) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW");
    }
    points.next();
    if (!CreateDirectoryW(path.c_str(), closed.get())) {
        return last_error("CreateDirectoryW", narrow(path));
    }
    return claim_folder(path, access, points);
}

Status claim_folder(const std::wstring& path, Access access, WritePoints& points) {
    const UniqueFile folder = open_itself(path, READ_CONTROL | WRITE_DAC | WRITE_OWNER | FILE_READ_ATTRIBUTES);
    if (!folder) {
        return last_error("CreateFileW", "open folder " + narrow(path));
    }
    BY_HANDLE_FILE_INFORMATION info{};
    if (!GetFileInformationByHandle(folder.get(), &info)) {
        return last_error("GetFileInformationByHandle", narrow(path));
    }
    if ((info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 ||
        (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        return own_error("ERR_FOREIGN_FOLDER", narrow(path) + " is not a plain folder; remove it and try again");
    }
    PSID owner = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD error = GetSecurityInfo(folder.get(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr,
                                        nullptr, nullptr, &descriptor);
    if (error != ERROR_SUCCESS) {
        return system_error(error, "GetSecurityInfo", narrow(path));
    }
    const UniqueLocal descriptor_owner(descriptor);
    if (owner == nullptr || !is_trusted(owner)) {
        return own_error("ERR_FOREIGN_FOLDER", narrow(path) + " belongs to " + sid_text(owner) +
                                                   ", not to an administrator; remove it and try again");
    }
    return set_descriptor(folder.get(), path, access_sddl(access), points);
}

Status read_sddl(const std::wstring& path, std::string& sddl) {
    const UniqueFile file = open_itself(path, READ_CONTROL);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    constexpr SECURITY_INFORMATION parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD error =
        GetSecurityInfo(file.get(), SE_FILE_OBJECT, parts, nullptr, nullptr, nullptr, nullptr, &descriptor);
    if (error != ERROR_SUCCESS) {
        return system_error(error, "GetSecurityInfo", narrow(path));
    }
    const UniqueLocal descriptor_owner(descriptor);
    wchar_t* text = nullptr;
    if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, parts, &text, nullptr)) {
        return last_error("ConvertSecurityDescriptorToStringSecurityDescriptorW", narrow(path));
    }
    const UniqueLocal text_owner(text);
    sddl = narrow(text);
    return {};
}

Status write_sddl(const std::wstring& path, const std::string& sddl, WritePoints& points) {
    const UniqueFile file = open_itself(path, READ_CONTROL | WRITE_DAC | WRITE_OWNER);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    return set_descriptor(file.get(), path, widen(sddl).c_str(), points);
}

Status check_trusted_file(HANDLE file, const std::wstring& path) {
    PSID owner = nullptr;
    PACL dacl = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD error = GetSecurityInfo(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                        &owner, nullptr, &dacl, nullptr, &descriptor);
    if (error != ERROR_SUCCESS) {
        return system_error(error, "GetSecurityInfo", narrow(path));
    }
    const UniqueLocal descriptor_owner(descriptor);
    if (owner == nullptr || !is_trusted(owner)) {
        return own_error("ERR_UNTRUSTED_FILE", narrow(path) + " belongs to " + sid_text(owner));
    }
    if (dacl == nullptr) { // no DACL: everyone may do everything
        return own_error("ERR_UNTRUSTED_FILE", "everyone may change " + narrow(path));
    }
    for (DWORD i = 0; i < dacl->AceCount; ++i) {
        void* ace = nullptr;
        if (!GetAce(dacl, i, &ace)) {
            return last_error("GetAce", narrow(path));
        }
        const auto* header = static_cast<const ACE_HEADER*>(ace);
        if ((header->AceFlags & INHERIT_ONLY_ACE) != 0 || header->AceType == ACCESS_DENIED_ACE_TYPE) {
            continue;
        }
        auto* allowed = static_cast<ACCESS_ALLOWED_ACE*>(ace);
        PSID sid = &allowed->SidStart;
        if (header->AceType != ACCESS_ALLOWED_ACE_TYPE) {
            return own_error("ERR_UNTRUSTED_FILE", "the access rights of " + narrow(path) + " cannot be judged");
        }
        if ((allowed->Mask & writing) != 0 && !is_trusted(sid)) {
            return own_error("ERR_UNTRUSTED_FILE", sid_text(sid) + " may change " + narrow(path));
        }
    }
    return {};
}

} // namespace winsock_spi::spi
