// The step that makes control.bin and watch.bin. Both are mapped by every process that has the provider, and open for
// writing in every watcher: one that is a control file already is kept, with its contents, and only its ABI number is
// set in place (core/control_format.hpp).
#include "spi/step.hpp"

#include "core/control_format.hpp"
#include "spi/files.hpp"
#include "spi/leftovers.hpp"
#include "spi/machine.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

#include <cstring>
#include <optional>

namespace winsock_spi::spi {
namespace {

using core::json::Value;

struct ControlKind {
    const char* name;
    const wchar_t* file;
    Access access;
};
constexpr ControlKind files[] = {
    {"control", L"\\control.bin", Access::control},
    {"watch", L"\\watch.bin", Access::watch},
};

// The word that holds `abi` and, above it, `size`: always written as a whole.
constexpr DWORD abi_offset = offsetof(core::ControlFile, abi);
constexpr std::uint32_t abi_word(std::uint16_t abi) {
    return std::uint32_t{sizeof(core::ControlFile)} << 16 | abi;
}

UniqueFile open_shared(const std::wstring& path, DWORD access) {
    return UniqueFile(CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
}

// The ABI of a control file; none of a file that is not one.
Status read_abi(const std::wstring& path, std::optional<std::uint16_t>& abi) {
    abi.reset();
    const UniqueFile file = open_shared(path, GENERIC_READ);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    struct {
        std::uint32_t magic;
        std::uint16_t abi;
        std::uint16_t size;
    } header{};
    LARGE_INTEGER size{};
    DWORD count = 0;
    if (!GetFileSizeEx(file.get(), &size) || !ReadFile(file.get(), &header, sizeof(header), &count, nullptr)) {
        return last_error("ReadFile", narrow(path));
    }
    if (size.QuadPart == sizeof(core::ControlFile) && count == sizeof(header) &&
        core::is_control_header(header.magic, header.size)) {
        abi = header.abi;
    }
    return {};
}

bool is_control_file(const std::wstring& path) {
    std::optional<std::uint16_t> abi;
    return read_abi(path, abi).ok() && abi.has_value();
}

Status set_abi(const std::wstring& path, std::uint16_t abi, WritePoints& points) {
    std::optional<std::uint16_t> present;
    if (Status status = read_abi(path, present); !status.ok() || !present || *present == abi) {
        return status;
    }
    points.next();
    const UniqueFile file = open_shared(path, GENERIC_READ | GENERIC_WRITE);
    if (!file) {
        return last_error("CreateFileW", "open " + narrow(path));
    }
    const std::uint32_t word = abi_word(abi);
    OVERLAPPED place{};
    place.Offset = abi_offset;
    DWORD count = 0;
    if (!WriteFile(file.get(), &word, sizeof(word), &count, &place)) {
        return last_error("WriteFile", narrow(path));
    }
    return FlushFileBuffers(file.get()) ? Status{} : last_error("FlushFileBuffers", narrow(path));
}

std::uint16_t former_abi(const Value& item) {
    const Value* abi = item.find("abi");
    return static_cast<std::uint16_t>(abi != nullptr ? abi->integer().value_or(core::control_abi) : core::control_abi);
}

std::vector<std::uint8_t> fresh_control_file() {
    std::vector<std::uint8_t> bytes(sizeof(core::ControlFile));
    const std::uint32_t magic = core::control_magic;
    const std::uint16_t abi = core::control_abi;
    const std::uint16_t size = sizeof(core::ControlFile);
    std::memcpy(bytes.data(), &magic, sizeof(magic));
    std::memcpy(bytes.data() + offsetof(core::ControlFile, abi), &abi, sizeof(abi));
    std::memcpy(bytes.data() + offsetof(core::ControlFile, size), &size, sizeof(size));
    return bytes;
}

class MakeControl final : public Step {
public:
    using Step::Step;

    Status observe(Context&, Value& before) override {
        std::wstring folder;
        if (Status status = data_folder(folder); !status.ok()) {
            return status;
        }
        for (const ControlKind& kind : files) {
            const std::wstring path = folder + kind.file;
            FileKind found = FileKind::missing;
            if (Status status = file_kind(path, found); !status.ok()) {
                return status;
            }
            if (found != FileKind::missing && found != FileKind::file) {
                return system_error(ERROR_ALREADY_EXISTS, "CreateFileW", narrow(path) + " is not a file");
            }
            std::string sddl;
            std::optional<std::uint16_t> abi;
            if (found == FileKind::file) {
                if (Status status = read_sddl(path, sddl); !status.ok()) {
                    return status;
                }
                if (Status status = read_abi(path, abi); !status.ok()) {
                    return status;
                }
            }
            Value item;
            item.add("path", narrow(path));
            item.add("kept", abi.has_value());
            item.add("abi", std::int64_t{abi.value_or(core::control_abi)});
            item.add("security", sddl);
            item.add("aside", narrow(aside_name(path, L"old")));
            item.add("fresh", narrow(aside_name(path, L"new")));
            before.add(kind.name, std::move(item));
        }
        return {};
    }

    Status apply(Context& context, const Value& before) override {
        for (const ControlKind& kind : files) {
            const Value* item = before.find(kind.name);
            if (item == nullptr) {
                continue;
            }
            const std::wstring path = text_member(*item, "path");
            const std::wstring fresh = text_member(*item, "fresh");
            context.leftovers.keep(path, context.points);
            if (flag(*item, "kept")) { // made by someone in the right place, but perhaps with other rights
                Status status = write_sddl(path, narrow(access_sddl(kind.access)), context.points);
                if (status.ok()) {
                    status = set_abi(path, core::control_abi, context.points);
                }
                if (!status.ok()) {
                    return status;
                }
                continue;
            }
            FileKind found = FileKind::missing;
            Status status = file_kind(path, found);
            if (status.ok() && found == FileKind::file) {
                if (is_control_file(path)) { // by an earlier try of this step
                    continue;
                }
                status = rename_file(path, text_member(*item, "aside"), context.points);
            }
            if (status.ok()) {
                status = delete_file(fresh, context.points);
            }
            const std::vector<std::uint8_t> bytes = fresh_control_file();
            if (status.ok()) {
                status = write_new_file(fresh, bytes.data(), bytes.size(), kind.access, context.points);
            }
            // Under its name only when it is whole: a provider may look at any moment.
            if (status.ok()) {
                status = rename_file(fresh, path, context.points);
            }
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }

    Status undo(Context& context, const Value& before) override {
        for (const ControlKind& kind : files) {
            const Value* item = before.find(kind.name);
            if (item == nullptr) {
                continue;
            }
            const std::wstring path = text_member(*item, "path");
            const std::wstring aside = text_member(*item, "aside");
            const std::string security = narrow(text_member(*item, "security"));
            context.leftovers.remove_file(text_member(*item, "fresh"), true, context.points);
            Status status;
            FileKind found = FileKind::missing;
            FileKind former = FileKind::missing;
            if (flag(*item, "kept")) {
                status = set_abi(path, former_abi(*item), context.points);
                if (status.ok()) {
                    status = write_sddl(path, security, context.points);
                }
            } else if (status = file_kind(path, found); status.ok()) {
                status = file_kind(aside, former);
            }
            // With a former file: what is under the name is ours only if the former one is aside.
            if (status.ok() && found == FileKind::file && (security.empty() || former == FileKind::file)) {
                // By a name that the journal knows, so that a recovery that is killed in between finds it again.
                const std::wstring fresh = text_member(*item, "fresh");
                FileKind taken = FileKind::missing;
                const bool free = file_kind(fresh, taken).ok() && taken == FileKind::missing;
                const std::wstring gone = free ? fresh : aside_name(path, L"old");
                status = rename_file(path, gone, context.points);
                if (status.ok()) {
                    context.leftovers.remove_file(gone, true, context.points);
                }
            }
            if (status.ok() && former == FileKind::file) {
                status = rename_file(aside, path, context.points);
            }
            if (!status.ok()) {
                return status;
            }
        }
        return {};
    }

    void commit(Context& context, const Value& before) override {
        for (const ControlKind& kind : files) {
            if (const Value* item = before.find(kind.name)) {
                context.leftovers.remove_file(text_member(*item, "aside"), true, context.points);
            }
        }
    }
};

} // namespace

Status make_make_control(const Value& source, std::unique_ptr<Step>& step) {
    step = std::make_unique<MakeControl>(source);
    return {};
}

} // namespace winsock_spi::spi
