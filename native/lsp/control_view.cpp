// The two control files, mapped read-only; see control_view.hpp.
#include "control_view.hpp"

#include "spi/system_path.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

const core::ControlFile* map_control_file(const wchar_t* name, ReasonText& reason) {
    reason.clear();
    reason << name << L": ";
    spi::PathText path;
    if (!spi::program_data_folder(path)) {
        reason << L"the folder ProgramData is not known";
        return nullptr;
    }
    path << L"\\winsock-spi\\" << name;
    // Everyone else may read, write and delete: a mapped view outlives that, and Windows refuses to cut the file short.
    constexpr DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const spi::UniqueFile file(
        CreateFileW(path.c_str(), GENERIC_READ, share, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        reason << L"cannot be opened, error " << GetLastError();
        return nullptr;
    }
    // A read-only section longer than its file is refused, so the whole view is there.
    const spi::UniqueHandle section(
        CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, sizeof(core::ControlFile), nullptr));
    const void* const view =
        section ? MapViewOfFile(section.get(), FILE_MAP_READ, 0, 0, sizeof(core::ControlFile)) : nullptr;
    if (view == nullptr) {
        reason << L"cannot be mapped, error " << GetLastError();
        return nullptr;
    }
    const auto* const control = static_cast<const core::ControlFile*>(view);
    if (control->magic != core::control_magic || control->abi != core::control_abi ||
        control->size < sizeof(core::ControlFile)) {
        reason << L"not a control file that this version knows";
        UnmapViewOfFile(view);
        return nullptr;
    }
    return control;
}

} // namespace winsock_spi::lsp
