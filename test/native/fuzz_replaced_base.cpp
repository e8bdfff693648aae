// Arbitrary text as what is written down of replaced base providers (core/replaced_base.hpp): what comes out is a part
// of the text or nothing, and what counts as usable is a file in a folder of a drive that is not our own DLL.
#include "check.hpp"
#include "input.hpp"

#include "core/replaced_base.hpp"

#include <string>

namespace core = winsock_spi::core;

namespace {

constexpr std::wstring_view guid = L"{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}";
constexpr std::wstring_view path = L"C:\\Windows\\system32\\mswsock.dll";
constexpr std::wstring_view pieces[] = {
    guid,
    L"{e70f1aa0-ab8b-11cf-8ca3-00805f48a192}",
    L" ",
    L"\r\n",
    L"\n",
    L"\r",
    path,
    L"C:",
    L"\\",
    L"\\\\server\\x",
    L"\uFEFF",
    L"winsock_spi_lsp.dll",
    L"{",
    L"}",
    std::wstring_view(L"\0", 1),
    L"%SystemRoot%",
};

std::wstring some_text(check::Input& input) {
    std::wstring text;
    for (auto count = input.below(24); count > 0; --count) {
        if (input.one_in(6)) {
            text += static_cast<wchar_t>(input.below(0x10000));
        } else {
            text += pieces[input.below(std::size(pieces))];
        }
    }
    text.shrink_to_fit();
    return text;
}

void known_cases() {
    const std::wstring good = L"\uFEFFabout this file\r\n" + std::wstring(guid) + L" " + std::wstring(path) + L"\r\n";
    CHECK(core::original_in(good, guid) == path);
    CHECK(core::original_in(good, L"{F9EAB0C0-26D4-11D0-BBBF-00AA006C34E4}").empty());
    CHECK(core::original_in(std::wstring(guid) + L" ", guid).empty());
    CHECK(core::original_in(guid, guid).empty());
    CHECK(core::is_usable_original(path, core::provider_file));
    CHECK(!core::is_usable_original(L"mswsock.dll", core::provider_file));
    CHECK(!core::is_usable_original(L"\\\\server\\share\\m.dll", core::provider_file));
    CHECK(!core::is_usable_original(L"C:m.dll", core::provider_file));
    CHECK(!core::is_usable_original(L"C:\\", core::provider_file));
    CHECK(!core::is_usable_original(L"C:\\x\\", core::provider_file));
    CHECK(!core::is_usable_original(L"C:\\x\\WINSOCK_SPI_LSP.DLL", core::provider_file));
}

void once(std::mt19937_64& random) {
    check::Input input(random);
    const std::wstring text = some_text(input);
    const std::wstring_view whole = text;
    const std::wstring_view found = core::original_in(whole, guid);
    if (!found.empty()) {
        CHECK(found.data() > whole.data() && found.data() + found.size() <= whole.data() + whole.size());
        CHECK(found.find_first_of(L"\r\n") == std::wstring_view::npos);
        CHECK(found.data()[-1] == L' ');
    }
    if (core::is_usable_original(whole, core::provider_file)) {
        CHECK(whole[1] == L':' && whole[2] == L'\\' && whole.find(L'\0') == std::wstring_view::npos);
        CHECK(!core::file_name(whole).empty());
        CHECK(!core::equal_ascii_names(core::file_name(whole), core::provider_file));
    }
}

} // namespace

int main(int argc, char** argv) {
    known_cases();
    return check::fuzz("replaced_base", check::fuzz_options(argc, argv), once);
}
