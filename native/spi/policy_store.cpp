#include "policy_store.hpp"

#include <aclapi.h>
#include <sddl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "files.hpp"
#include "machine.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

constexpr wchar_t fail_closed_value[] = L"FailClosed";
constexpr wchar_t generation_value[] = L"Generation";
// KA = everything, KR = read; BU = users, AC and S-1-15-2-2 = application packages.
constexpr wchar_t key_sddl[] = L"O:BAD:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)(A;CI;KR;;;AC)(A;CI;KR;;;S-1-15-2-2)";

std::wstring stem(std::uint32_t generation) {
    return L"policy-" + std::to_wstring(generation);
}

// The generation that a file of a policy is of: policy-<number>.bin or .json, as stem() writes it.
std::optional<std::uint32_t> generation_of(std::wstring_view name) {
    constexpr std::wstring_view head = L"policy-";
    if (!name.starts_with(head)) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    std::size_t at = head.size();
    for (; at < name.size() && name[at] >= L'0' && name[at] <= L'9' && at < head.size() + 10; ++at) {
        number = number * 10 + static_cast<std::uint64_t>(name[at] - L'0');
    }
    if (number == 0 || number > std::numeric_limits<std::uint32_t>::max()) {
        return std::nullopt;
    }
    const auto generation = static_cast<std::uint32_t>(number);
    const std::wstring_view rest = name.substr(at);
    return name.substr(0, at) == stem(generation) && (rest == L".bin" || rest == L".json") ? std::optional(generation)
                                                                                           : std::nullopt;
}

// Names of the policies' files in the folder.
std::vector<std::wstring> policy_files(const std::wstring& folder) {
    std::vector<std::wstring> names;
    WIN32_FIND_DATAW found{};
    const UniqueFind search(FindFirstFileW((folder + L"\\policy-*").c_str(), &found));
    if (search) {
        do {
            if ((found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 && generation_of(found.cFileName)) {
                names.emplace_back(found.cFileName);
            }
        } while (FindNextFileW(search.get(), &found));
    }
    return names;
}

Status key_error(LSTATUS error, const char* syscall) {
    return system_error(static_cast<std::uint32_t>(error), syscall, "HKLM\\" + narrow(policy_key));
}

std::uint32_t read_number(const wchar_t* name) {
    UniqueKey key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, policy_key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, key.put()) !=
        ERROR_SUCCESS) {
        return 0;
    }
    DWORD number = 0;
    DWORD size = sizeof(number);
    return RegGetValueW(key.get(), nullptr, name, RRF_RT_REG_DWORD, nullptr, &number, &size) == ERROR_SUCCESS ? number
                                                                                                              : 0;
}

// Opens the key to write, with the rights that it is to have whoever made it.
Status open_key(UniqueKey& key) {
    SecurityAttributes security(key_sddl);
    if (security.get() == nullptr) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW");
    }
    LSTATUS error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, policy_key, 0, nullptr, REG_OPTION_NON_VOLATILE,
                                    KEY_READ | KEY_WRITE | KEY_WOW64_64KEY | WRITE_DAC | WRITE_OWNER, security.get(),
                                    key.put(), nullptr);
    if (error != ERROR_SUCCESS) {
        return key_error(error, "RegCreateKeyExW");
    }
    error = RegSetKeySecurity(
        key.get(), OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
        security.get()->lpSecurityDescriptor);
    return error == ERROR_SUCCESS ? Status{} : key_error(error, "RegSetKeySecurity");
}

// On the disk before it returns: what is written next relies on it.
Status write_number(const wchar_t* name, std::uint32_t number, WritePoints& points) {
    UniqueKey key;
    if (Status status = open_key(key); !status.ok()) {
        return status;
    }
    points.next();
    LSTATUS error =
        RegSetValueExW(key.get(), name, 0, REG_DWORD, reinterpret_cast<const BYTE*>(&number), sizeof(number));
    if (error == ERROR_SUCCESS) {
        error = RegFlushKey(key.get());
    }
    return error == ERROR_SUCCESS ? Status{} : key_error(error, "RegSetValueExW");
}

// Not being there is fine.
Status delete_number(const wchar_t* name, WritePoints& points) {
    UniqueKey key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, policy_key, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, key.put());
    if (error == ERROR_FILE_NOT_FOUND) {
        return {};
    }
    if (error != ERROR_SUCCESS) {
        return key_error(error, "RegOpenKeyExW");
    }
    points.next();
    error = RegDeleteValueW(key.get(), name);
    return error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND ? Status{} : key_error(error, "RegDeleteValueW");
}

Status flush(const MappedControl& mapped) {
    if (!FlushViewOfFile(&mapped.control(), sizeof(core::ControlFile)) || !FlushFileBuffers(mapped.file())) {
        return last_error("FlushFileBuffers", "control.bin");
    }
    return {};
}

std::string key_security() {
    UniqueKey key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, policy_key, 0, READ_CONTROL | KEY_WOW64_64KEY, key.put()) != ERROR_SUCCESS) {
        return {};
    }
    constexpr SECURITY_INFORMATION parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (GetSecurityInfo(key.get(), SE_REGISTRY_KEY, parts, nullptr, nullptr, nullptr, nullptr, &descriptor) !=
        ERROR_SUCCESS) {
        return {};
    }
    const UniqueLocal descriptor_owner(descriptor);
    wchar_t* text = nullptr;
    if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, parts, &text, nullptr)) {
        return {};
    }
    const UniqueLocal text_owner(text);
    return narrow(text);
}

} // namespace

Status open_policy_control(const std::wstring& folder, bool writable, MappedControl& mapped) {
    if (Status status = mapped.open(folder + L"\\control.bin", writable); !status.ok()) {
        return status;
    }
    if (!core::is_known_control_abi(mapped.control().abi)) {
        return own_error("ERR_CONTROL_VERSION", "control.bin is of another version of winsock-spi: run `winsock-spi "
                                                "install` with this version first");
    }
    return {};
}

Status read_policy_state(PolicyState& state) {
    state = {};
    state.registry_fail_closed = read_number(fail_closed_value) != 0;
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    MappedControl mapped;
    if (Status status = open_policy_control(folder, false, mapped); !status.ok()) {
        return status;
    }
    const core::ControlFile& control = mapped.control();
    state.generation = control.policy_generation.load(std::memory_order_acquire);
    state.previous = control.previous_policy_generation.load(std::memory_order_relaxed);
    state.fail_closed = control.fail_closed.load(std::memory_order_relaxed) != 0;
    state.controller_pid = control.controller_pid.load(std::memory_order_acquire);
    state.controller_start = control.controller_start.load(std::memory_order_relaxed);
    return {};
}

Status read_policy_text(std::uint32_t generation, std::string& text) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    return read_trusted_file(folder + L"\\" + stem(generation) + L".json", text);
}

Status read_policy_security(std::uint32_t generation, PolicySecurity& security) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    const std::wstring path = folder + L"\\" + stem(generation);
    if (Status status = read_sddl(path + L".bin", security.image); !status.ok()) {
        return status;
    }
    if (Status status = read_sddl(path + L".json", security.text); !status.ok()) {
        return status;
    }
    security.key = key_security();
    return {};
}

namespace {

// Where it ends is closed at every moment if both ends are.
Status store_state(MappedControl& mapped, const PolicyState& state, WritePoints& points) {
    core::ControlFile& control = mapped.control();
    if (state.fail_closed) {
        points.next();
        control.fail_closed.store(1, std::memory_order_release);
    }
    points.next();
    control.previous_policy_generation.store(state.previous, std::memory_order_release);
    points.next();
    control.policy_generation.store(state.generation, std::memory_order_release);
    if (!state.fail_closed) {
        points.next();
        control.fail_closed.store(0, std::memory_order_release);
    }
    return flush(mapped);
}

} // namespace

Status write_policy_state(const PolicyState& state, WritePoints& points) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    if (state.registry_fail_closed) {
        if (Status status = write_number(fail_closed_value, 1, points); !status.ok()) {
            return status;
        }
    }
    MappedControl mapped;
    if (open_policy_control(folder, true, mapped).ok()) {
        if (Status status = store_state(mapped, state, points); !status.ok()) {
            return status;
        }
    }
    return state.registry_fail_closed ? Status{} : delete_number(fail_closed_value, points);
}

bool has_policy_traces() {
    PolicyState state;
    std::wstring folder;
    UniqueKey key;
    return (read_policy_state(state).ok() && state.generation != 0) ||
           (data_folder(folder).ok() && !policy_files(folder).empty()) ||
           RegOpenKeyExW(HKEY_LOCAL_MACHINE, policy_key, 0, KEY_READ | KEY_WOW64_64KEY, key.put()) == ERROR_SUCCESS;
}

Status remove_policy_traces(Leftovers& leftovers, WritePoints& points) {
    std::wstring folder;
    if (Status status = data_folder(folder); !status.ok()) {
        return status;
    }
    for (const std::wstring& name : policy_files(folder)) {
        leftovers.remove_file(folder + L"\\" + name, false, points);
    }
    points.next();
    const LSTATUS error = RegDeleteKeyExW(HKEY_LOCAL_MACHINE, policy_key, KEY_WOW64_64KEY, 0);
    return error == ERROR_SUCCESS || error == ERROR_FILE_NOT_FOUND ? Status{} : key_error(error, "RegDeleteKeyExW");
}

Status PolicyStore::open() {
    if (Status status = lock_.acquire(); !status.ok()) {
        return status;
    }
    if (Status status = data_folder(folder_); !status.ok()) {
        return status;
    }
    control_status_ = open_policy_control(folder_, true, control_);
    return {};
}

Status PolicyStore::require_control() const {
    return control_status_;
}

Status PolicyStore::reserve(std::uint32_t& generation) {
    if (Status status = require_control(); !status.ok()) {
        return status;
    }
    const core::ControlFile& control = control_.control();
    std::uint32_t last = std::max(
        {read_number(generation_value), control.policy_generation.load(), control.previous_policy_generation.load()});
    for (const std::wstring& name : policy_files(folder_)) {
        last = std::max(last, generation_of(name).value_or(0));
    }
    if (last == std::numeric_limits<std::uint32_t>::max()) {
        return own_error("ERR_POLICY_GENERATION", "no number is left for another policy: run `winsock-spi policy "
                                                  "clear`, then delete HKLM\\SOFTWARE\\winsock-spi and "
                                                  "%ProgramData%\\winsock-spi\\policy-*");
    }
    generation = last + 1;
    return write_number(generation_value, generation, points_);
}

Status PolicyStore::publish(std::uint32_t generation, std::span<const std::uint8_t> image, std::string_view text,
                            bool fail_closed) {
    if (Status status = require_control(); !status.ok()) {
        return status;
    }
    const std::wstring path = folder_ + L"\\" + stem(generation);
    Status status = write_new_file(path + L".json", text.data(), text.size(), Access::private_access, points_);
    if (status.ok()) {
        status = write_new_file(path + L".bin", image.data(), image.size(), Access::control, points_);
    }
    if (status.ok() && fail_closed) {
        status = write_number(fail_closed_value, 1, points_);
    }
    const core::ControlFile& control = control_.control();
    const std::uint32_t old = control.policy_generation.load();
    if (!status.ok()) {
        delete_others(old, control.previous_policy_generation.load()); // nothing half-done stays
        return status;
    }
    status = store_state(control_, {.generation = generation, .previous = old, .fail_closed = fail_closed}, points_);
    if (status.ok() && !fail_closed) {
        status = delete_number(fail_closed_value, points_);
    }
    delete_others(generation, old);
    return status;
}

Status PolicyStore::clear() {
    if (control_status_.ok()) {
        if (Status status = store_state(control_, {}, points_); !status.ok()) {
            return status;
        }
    }
    if (Status status = delete_number(fail_closed_value, points_); !status.ok()) {
        return status;
    }
    delete_others(0, 0);
    return control_status_;
}

// Processes that run may have them mapped, which Windows takes for a reason not to delete: the next change tries again.
void PolicyStore::delete_others(std::uint32_t generation, std::uint32_t previous) {
    for (const std::wstring& name : policy_files(folder_)) {
        const auto of = generation_of(name);
        if (of != generation && of != previous) {
            static_cast<void>(delete_file(folder_ + L"\\" + name, points_));
        }
    }
}

} // namespace winsock_spi::spi
