#include "installed_files.hpp"

#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/replaced_base.hpp"
#include "spi/text.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::rescue {
namespace {

using core::json::Value;

// Names in a folder; none where there is no such folder. Links are not followed.
std::vector<std::wstring> names_in(const std::wstring& folder, bool folders) {
    std::vector<std::wstring> names;
    WIN32_FIND_DATAW found{};
    const spi::UniqueFind search(FindFirstFileW((folder + L"\\*").c_str(), &found));
    if (!search) {
        return names;
    }
    do {
        const std::wstring name = found.cFileName;
        const bool is_folder = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
        const bool is_link = (found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
        if (is_folder == folders && !is_link && name != L"." && name != L"..") {
            names.push_back(name);
        }
    } while (FindNextFileW(search.get(), &found));
    return names;
}

bool is_one_of(const std::wstring& name, std::initializer_list<std::wstring_view> known) {
    for (const std::wstring_view one : known) {
        if (spi::equal_names(name, one)) {
            return true;
        }
    }
    return false;
}

void add_step(const char* kind, const std::wstring& path, core::json::Array& steps) {
    Value step;
    step.add("do", kind);
    step.add("path", spi::narrow(path));
    step.add("unused", true);
    step.add("text", "Delete " + spi::narrow(path));
    steps.push_back(std::move(step));
}

} // namespace

void add_file_steps(const std::wstring& program_files, core::json::Array& steps) {
    const std::wstring programs = program_files + L"\\winsock-spi";
    const std::vector<std::wstring> versions = names_in(programs, true);
    for (const std::wstring& version : versions) {
        const std::wstring folder = programs + L"\\" + version;
        for (const std::wstring& architecture : names_in(folder, true)) {
            if (!is_one_of(architecture, {L"x64", L"x86", L"arm64"})) {
                continue;
            }
            const std::wstring inside = folder + L"\\" + architecture;
            for (const std::wstring& file : names_in(inside, false)) {
                if (is_one_of(file, {core::provider_file, L"winsock-spi-rescue.exe", core::replaced_file})) {
                    add_step("delete-file", inside + L"\\" + file, steps);
                }
            }
            add_step("delete-folder", inside, steps);
        }
        add_step("delete-folder", folder, steps);
    }
    if (!versions.empty()) {
        add_step("delete-folder", programs, steps);
    }
}

} // namespace winsock_spi::rescue
