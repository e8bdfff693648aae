// The two control files, mapped read-only; see control_view.hpp.
#include "control_view.hpp"

#include "spi/system_path.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

ControlView map_control_file(const wchar_t* name, ReasonText& reason) {
    reason.clear();
    reason << name << L": ";
    spi::PathText path;
    if (!spi::program_data_folder(path)) {
        reason << L"the folder ProgramData is not known";
        return {};
    }
    path << L"\\winsock-spi\\" << name;
    // Everyone else may read, write and delete: a mapped view outlives that, and Windows refuses to cut the file short.
    constexpr DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const spi::UniqueFile file(
        CreateFileW(path.c_str(), GENERIC_READ, share, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) {
        reason << L"cannot be opened, error " << GetLastError();
        return {};
    }
    // A read-only section longer than its file is refused, so the whole view is there.
    const spi::UniqueHandle section(
        CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, sizeof(core::ControlFile), nullptr));
    const void* const view =
        section ? MapViewOfFile(section.get(), FILE_MAP_READ, 0, 0, sizeof(core::ControlFile)) : nullptr;
    if (view == nullptr) {
        reason << L"cannot be mapped, error " << GetLastError();
        return {};
    }
    const auto* const control = static_cast<const core::ControlFile*>(view);
    if (!core::is_control_header(control->magic, control->size)) {
        reason << L"not a control file";
        UnmapViewOfFile(view);
        return {};
    }
    const std::uint16_t abi = control->abi; // once: an upgrade may set another one at any moment
    if (!core::is_known_control_abi(abi)) {
        reason << L"of another version of winsock-spi (ABI " << static_cast<unsigned long>(abi)
               << L", this provider has " << static_cast<unsigned long>(core::control_abi) << L")";
        return {control, false};
    }
    reason.clear();
    return {control, true};
}

} // namespace winsock_spi::lsp
