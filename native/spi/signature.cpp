#include "signature.hpp"

#include "system_library.hpp"
#include "text.hpp"
#include "win32.hpp"

#include <wincrypt.h>
#include <wintrust.h>
#include <softpub.h>
#include <mscat.h>

#include <array>
#include <vector>

namespace winsock_spi::spi {
namespace {

// TRUST_E_... of winerror.h, as the unsigned numbers that they are here.
constexpr std::uint32_t no_signature = 0x800B0100;
constexpr std::uint32_t subject_form_unknown = 0x800B0003;
constexpr std::uint32_t provider_unknown = 0x800B0001;
constexpr std::uint32_t bad_digest = 0x80096010;

// X(name): what is needed of wintrust in any case. The functions for catalogs may be missing (Windows 7, Wine).
// clang-format off
#define WINSOCK_SPI_TRUST_FUNCTIONS(X) \
    X(WinVerifyTrust) X(WTHelperProvDataFromStateData) X(WTHelperGetProvSignerFromChain) X(WTHelperGetProvCertFromChain)
// clang-format on
// clang-format off
#define WINSOCK_SPI_CATALOG_FUNCTIONS(X)                                                                               \
    X(CryptCATAdminAcquireContext2) X(CryptCATAdminReleaseContext) X(CryptCATAdminCalcHashFromFileHandle2)             \
    X(CryptCATAdminEnumCatalogFromHash) X(CryptCATCatalogInfoFromContext) X(CryptCATAdminReleaseCatalogContext)
// clang-format on

struct Functions {
#define WINSOCK_SPI_DECLARE(name) decltype(&::name) name = nullptr;
    WINSOCK_SPI_TRUST_FUNCTIONS(WINSOCK_SPI_DECLARE)
    WINSOCK_SPI_CATALOG_FUNCTIONS(WINSOCK_SPI_DECLARE)
#undef WINSOCK_SPI_DECLARE
    bool catalogs = true;
};

class Trust {
public:
    Status load() {
        if (Status status = load_system_library(L"wintrust.dll", wintrust_); !status.ok()) {
            return status;
        }
#define WINSOCK_SPI_FIND(name)                                                                                         \
    if (Status status = find_function(wintrust_, functions_.name, #name); !status.ok()) {                              \
        return status;                                                                                                 \
    }
        WINSOCK_SPI_TRUST_FUNCTIONS(WINSOCK_SPI_FIND)
#undef WINSOCK_SPI_FIND
#define WINSOCK_SPI_FIND(name)                                                                                         \
    functions_.catalogs = find_function(wintrust_, functions_.name, #name).ok() && functions_.catalogs;
        WINSOCK_SPI_CATALOG_FUNCTIONS(WINSOCK_SPI_FIND)
#undef WINSOCK_SPI_FIND
        // Names are a help, not the question: without crypt32 there are none.
        if (load_system_library(L"crypt32.dll", crypt32_).ok()) {
            static_cast<void>(find_function(crypt32_, cert_name_, "CertGetNameStringW").ok());
        }
        return {};
    }

    const Functions& functions() const { return functions_; }

    // Asks about `data`, whose subject is filled in; fills `signature` where there is one.
    std::uint32_t verify(WINTRUST_DATA& data, Signature& signature) const {
        data.cbStruct = sizeof(data);
        data.dwUIChoice = WTD_UI_NONE;
        data.fdwRevocationChecks = WTD_REVOKE_NONE;
        data.dwStateAction = WTD_STATEACTION_VERIFY;
        data.dwProvFlags = WTD_CACHE_ONLY_URL_RETRIEVAL | WTD_SAFER_FLAG;
        GUID action = WINTRUST_ACTION_GENERIC_VERIFY_V2;
        HWND nobody = static_cast<HWND>(INVALID_HANDLE_VALUE); // no user interface at all
        const auto result = static_cast<std::uint32_t>(functions_.WinVerifyTrust(nobody, &action, &data));
        signature.signer = signer_of(data.hWVTStateData);
        data.dwStateAction = WTD_STATEACTION_CLOSE;
        functions_.WinVerifyTrust(nobody, &action, &data);
        return result;
    }

private:
    std::wstring signer_of(HANDLE state) const {
        CRYPT_PROVIDER_DATA* const data = state == nullptr ? nullptr : functions_.WTHelperProvDataFromStateData(state);
        CRYPT_PROVIDER_SGNR* const signer =
            data == nullptr ? nullptr : functions_.WTHelperGetProvSignerFromChain(data, 0, FALSE, 0);
        CRYPT_PROVIDER_CERT* const certificate =
            signer == nullptr ? nullptr : functions_.WTHelperGetProvCertFromChain(signer, 0);
        if (certificate == nullptr || certificate->pCert == nullptr || cert_name_ == nullptr) {
            return {};
        }
        std::array<wchar_t, 256> name{};
        const DWORD length = cert_name_(certificate->pCert, CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, nullptr, name.data(),
                                        static_cast<DWORD>(name.size()));
        return length > 1 && length <= name.size() ? std::wstring(name.data(), length - 1) : std::wstring();
    }

    UniqueModule wintrust_;
    UniqueModule crypt32_;
    Functions functions_;
    decltype(&::CertGetNameStringW) cert_name_ = nullptr;
};

// The catalogs that are made of hashes of one algorithm.
class Catalogs {
public:
    Catalogs(const Functions& functions, const wchar_t* algorithm) : functions_(functions) {
        if (!functions_.CryptCATAdminAcquireContext2(&context_, nullptr, algorithm, nullptr, 0)) {
            context_ = nullptr;
        }
    }
    ~Catalogs() {
        if (context_ != nullptr) {
            functions_.CryptCATAdminReleaseContext(context_, 0);
        }
    }
    Catalogs(const Catalogs&) = delete;
    Catalogs& operator=(const Catalogs&) = delete;

    HCATADMIN get() const { return context_; }

    bool hash(HANDLE file, std::vector<BYTE>& hash) const {
        DWORD size = 0;
        functions_.CryptCATAdminCalcHashFromFileHandle2(context_, file, &size, nullptr, 0);
        if (size == 0 || size > 64) {
            return false;
        }
        hash.resize(size);
        return functions_.CryptCATAdminCalcHashFromFileHandle2(context_, file, &size, hash.data(), 0) &&
               size == hash.size();
    }

    // The file of a catalog that names this hash; empty where none does.
    std::wstring find(std::vector<BYTE>& hash) const {
        HCATINFO found = functions_.CryptCATAdminEnumCatalogFromHash(context_, hash.data(),
                                                                     static_cast<DWORD>(hash.size()), 0, nullptr);
        if (found == nullptr) {
            return {};
        }
        CATALOG_INFO info{};
        info.cbStruct = sizeof(info);
        std::wstring file;
        if (functions_.CryptCATCatalogInfoFromContext(found, &info, 0)) {
            info.wszCatalogFile[MAX_PATH - 1] = L'\0';
            file = info.wszCatalogFile;
        }
        functions_.CryptCATAdminReleaseCatalogContext(context_, found, 0);
        return file;
    }

private:
    const Functions& functions_;
    HCATADMIN context_ = nullptr;
};

std::wstring hexadecimal(const std::vector<BYTE>& bytes) {
    std::wstring text;
    for (const BYTE byte : bytes) {
        text += L"0123456789ABCDEF"[byte >> 4];
        text += L"0123456789ABCDEF"[byte & 15];
    }
    return text;
}

// False where no catalog names the file.
bool verify_by_catalog(const Trust& trust, const std::wstring& path, HANDLE file, Signature& signature) {
    for (const wchar_t* algorithm : {L"SHA256", L"SHA1"}) {
        const Catalogs catalogs(trust.functions(), algorithm);
        std::vector<BYTE> hash;
        if (catalogs.get() == nullptr || !catalogs.hash(file, hash)) {
            continue;
        }
        const std::wstring found = catalogs.find(hash);
        if (found.empty()) {
            continue;
        }
        const std::wstring tag = hexadecimal(hash); // by which catalogs name their members
        WINTRUST_CATALOG_INFO subject{};
        subject.cbStruct = sizeof(subject);
        subject.pcwszCatalogFilePath = found.c_str();
        subject.pcwszMemberTag = tag.c_str();
        subject.pcwszMemberFilePath = path.c_str();
        subject.hMemberFile = file;
        subject.pbCalculatedFileHash = hash.data();
        subject.cbCalculatedFileHash = static_cast<DWORD>(hash.size());
        subject.hCatAdmin = catalogs.get();
        WINTRUST_DATA data{};
        data.dwUnionChoice = WTD_CHOICE_CATALOG;
        data.pCatalog = &subject;
        signature.kind = SignatureKind::catalog;
        signature.error = trust.verify(data, signature);
        return true;
    }
    return false;
}

bool says_unsigned(std::uint32_t result) {
    return result == no_signature || result == subject_form_unknown || result == provider_unknown;
}

} // namespace

Status read_signature(const std::wstring& path, Signature& signature) {
    signature = {};
    const UniqueFile file(CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                      OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        return last_error("CreateFileW", narrow(path));
    }
    Trust trust;
    if (Status status = trust.load(); !status.ok()) {
        return status;
    }
    WINTRUST_FILE_INFO subject{};
    subject.cbStruct = sizeof(subject);
    subject.pcwszFilePath = path.c_str();
    subject.hFile = file.get();
    WINTRUST_DATA data{};
    data.dwUnionChoice = WTD_CHOICE_FILE;
    data.pFile = &subject;
    signature.error = trust.verify(data, signature);
    if (!says_unsigned(signature.error)) {
        signature.kind = SignatureKind::embedded;
    } else if (!trust.functions().catalogs || !verify_by_catalog(trust, path, file.get(), signature)) {
        return {};
    }
    signature.trusted = signature.error == 0;
    signature.altered = signature.error == bad_digest;
    return {};
}

} // namespace winsock_spi::spi
