// Whether a file is signed, and by whom: by a signature within it, or by its hash in a security catalog of the system
// (which is how Windows signs most of its own files). wintrust and crypt32 are loaded at run time, nothing is fetched
// from the network, and nothing is shown.
// https://learn.microsoft.com/windows/win32/api/wintrust/nf-wintrust-winverifytrust
// https://learn.microsoft.com/windows/win32/api/mscat/nf-mscat-cryptcatadminenumcatalogfromhash
#pragma once

#include <cstdint>
#include <string>

#include "status.hpp"

namespace winsock_spi::spi {

enum class SignatureKind {
    none,     // not signed
    embedded, // by a signature within the file
    catalog,  // by a security catalog
};

struct Signature {
    SignatureKind kind = SignatureKind::none;
    bool trusted = false;      // this machine trusts it; false where there is none
    bool altered = false;      // the file is not what was signed
    std::uint32_t error = 0;   // what WinVerifyTrust said where it does not (TRUST_E_..., CERT_E_...), else 0
    std::wstring signer;       // name in the signer's certificate, empty where it could not be read
};

// `path` is a full path as this process opens it. An error: the file cannot be opened, or this system has no wintrust.
Status read_signature(const std::wstring& path, Signature& signature);

} // namespace winsock_spi::spi
