// Steps that make and remove folders and files. What a step takes away is first renamed within its folder, so that undo
// brings back the very same file; it is deleted when the whole plan is done. A DLL that programs have loaded can be
// renamed but not deleted.
#include "spi/step.hpp"

#include "core/base64.hpp"
#include "core/sha256.hpp"
#include "spi/files.hpp"
#include "spi/leftovers.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

std::wstring parent_of(const std::wstring& path) {
    const std::size_t slash = path.find_last_of(L'\\');
    return slash == std::wstring::npos || slash < 3 ? std::wstring() : path.substr(0, slash);
}

Status read_hash(const std::wstring& path, std::string& hash) {
    std::vector<std::uint8_t> bytes;
    if (Status status = read_file(path, bytes); !status.ok()) {
        return status;
    }
    hash = core::sha256_hex(bytes);
    return {};
}

bool exists(const std::wstring& path) {
    FileKind kind = FileKind::missing;
    return file_kind(path, kind).ok() && kind != FileKind::missing;
}

class MakeFolder final : public Step {
public:
    MakeFolder(const Value& source, std::wstring path, Access access)
        : Step(source), path_(std::move(path)), access_(access) {}

    Status observe(Context&, Value& before) override {
        // The missing ones, the outermost first.
        core::json::Array made;
        for (std::wstring path = path_; !path.empty(); path = parent_of(path)) {
            FileKind kind = FileKind::missing;
            if (Status status = file_kind(path, kind); !status.ok()) {
                return status;
            }
            if (kind != FileKind::missing) {
                break;
            }
            made.insert(made.begin(), Value(narrow(path)));
        }
        std::string sddl;
        if (made.empty()) {
            if (Status status = read_sddl(path_, sddl); !status.ok()) {
                return status;
            }
        }
        before.add("made", std::move(made));
        before.add("security", sddl);
        return {};
    }

    Status apply(Context& context, const Value& before) override {
        context.leftovers.keep(path_, context.points);
        for (const std::wstring& path : made(before)) {
            Status status = create_folder(path, access_, context.points);
            if (status.number == ERROR_ALREADY_EXISTS) { // by an earlier try of this very step, or by a stranger
                status = claim_folder(path, access_, context.points);
            }
            if (!status.ok()) {
                return status;
            }
        }
        return made(before).empty() ? claim_folder(path_, access_, context.points) : Status{};
    }

    Status undo(Context& context, const Value& before) override {
        const std::vector<std::wstring> folders = made(before);
        if (folders.empty()) {
            return write_sddl(path_, narrow(text_member(before, "security")), context.points);
        }
        // What is in it came with the plan, or with programs that ran while it was carried out (rings).
        context.leftovers.remove_folder(folders.front(), true, context.points);
        return {};
    }

private:
    static std::vector<std::wstring> made(const Value& before) {
        std::vector<std::wstring> folders;
        if (const Value* list = before.find("made"); list != nullptr && list->array() != nullptr) {
            for (const Value& item : *list->array()) {
                folders.push_back(item.string() != nullptr ? widen(*item.string()) : std::wstring());
            }
        }
        return folders;
    }

    std::wstring path_;
    Access access_;
};

// Puts a file somewhere: a copy of another one, or bytes that the plan itself brings.
class CopyFile final : public Step {
public:
    CopyFile(const Value& source, std::wstring from, std::wstring to, std::string hash)
        : Step(source), from_(std::move(from)), to_(std::move(to)), hash_(std::move(hash)) {}
    CopyFile(const Value& source, std::vector<std::uint8_t> bytes, std::wstring to)
        : Step(source), bytes_(std::move(bytes)), to_(std::move(to)), hash_(core::sha256_hex(bytes_)) {}

    Status observe(Context&, Value& before) override {
        FileKind kind = FileKind::missing;
        if (Status status = file_kind(to_, kind); !status.ok()) {
            return status;
        }
        bool same = false;
        if (kind == FileKind::file) {
            std::string hash;
            if (Status status = read_hash(to_, hash); !status.ok()) {
                return status;
            }
            same = hash == hash_;
        } else if (kind != FileKind::missing) {
            return system_error(ERROR_ALREADY_EXISTS, "CopyFile", narrow(to_) + " is not a file");
        }
        before.add("existed", kind == FileKind::file);
        before.add("same", same);
        before.add("aside", narrow(aside_name(to_, L"old")));
        before.add("fresh", narrow(aside_name(to_, L"new")));
        return {};
    }

    Status apply(Context& context, const Value& before) override {
        context.leftovers.keep(to_, context.points);
        const std::wstring aside = text_member(before, "aside");
        const std::wstring fresh = text_member(before, "fresh");
        if (exists(to_)) {
            std::string hash;
            if (read_hash(to_, hash).ok() && hash == hash_) {
                return {};
            }
            if (Status status = rename_file(to_, aside, context.points); !status.ok()) {
                return status;
            }
        }
        // The bytes that are checked are the bytes that are written.
        std::vector<std::uint8_t> bytes = bytes_;
        if (!from_.empty()) {
            if (Status status = read_file(from_, bytes); !status.ok()) {
                return status;
            }
        }
        if (core::sha256_hex(bytes) != hash_) {
            return own_error("ERR_HASH_MISMATCH", narrow(from_) + " is not the file that the plan was made for");
        }
        if (Status status = delete_file(fresh, context.points); !status.ok()) {
            return status;
        }
        if (Status status = write_new_file(fresh, bytes.data(), bytes.size(), context.points); !status.ok()) {
            return status;
        }
        std::string written;
        if (Status status = read_hash(fresh, written); !status.ok()) {
            return status;
        }
        if (written != hash_) {
            return own_error("ERR_HASH_MISMATCH", narrow(to_) + " was not written as it should be");
        }
        return rename_file(fresh, to_, context.points);
    }

    Status undo(Context& context, const Value& before) override {
        if (flag(before, "same")) {
            return {};
        }
        const std::wstring aside = text_member(before, "aside");
        context.leftovers.remove_file(text_member(before, "fresh"), true, context.points);
        // With a former file: `to` is ours only if the former one is aside.
        if (exists(to_) && (!flag(before, "existed") || exists(aside))) {
            // By a name that the journal knows, so that a recovery that is killed in between finds it again.
            const std::wstring fresh = text_member(before, "fresh");
            const std::wstring gone = exists(fresh) ? aside_name(to_, L"old") : fresh;
            if (Status status = rename_file(to_, gone, context.points); !status.ok()) {
                return status;
            }
            context.leftovers.remove_file(gone, true, context.points);
        }
        return exists(aside) ? rename_file(aside, to_, context.points) : Status{};
    }

    void commit(Context& context, const Value& before) override {
        context.leftovers.remove_file(text_member(before, "aside"), true, context.points);
    }

private:
    std::wstring from_; // empty: `bytes_`
    std::vector<std::uint8_t> bytes_;
    std::wstring to_;
    std::string hash_;
};

// With `unused` the file stays under its name until the plan is done, for programs that are about to load it, and is
// then deleted if Windows lets us: a DLL that some process has mapped cannot be, and is tried again by later
// operations.
class DeleteFileStep final : public Step {
public:
    DeleteFileStep(const Value& source, std::wstring path, bool unused)
        : Step(source), path_(std::move(path)), unused_(unused) {}

    Status observe(Context&, Value& before) override {
        before.add("aside", narrow(aside_name(path_, L"old")));
        return {};
    }

    Status apply(Context& context, const Value& before) override {
        // A file that may not even be renamed (opened without sharing) stays and becomes a leftover at the end.
        if (!unused_ && exists(path_)) {
            Status status = rename_file(path_, text_member(before, "aside"), context.points);
            stuck_ = status.number == ERROR_SHARING_VIOLATION;
            return stuck_ ? Status{} : status;
        }
        return {};
    }

    Status undo(Context& context, const Value& before) override {
        const std::wstring aside = text_member(before, "aside");
        return exists(aside) && !exists(path_) ? rename_file(aside, path_, context.points) : Status{};
    }

    void commit(Context& context, const Value& before) override {
        context.leftovers.remove_file(text_member(before, "aside"), true, context.points);
        if (stuck_ || unused_) { // else a later step may have put a new file there
            context.leftovers.remove_file(path_, false, context.points);
        }
    }

private:
    std::wstring path_;
    bool unused_;
    bool stuck_ = false;
};

class DeleteFolderStep final : public Step {
public:
    DeleteFolderStep(const Value& source, std::wstring path, bool contents)
        : Step(source), path_(std::move(path)), contents_(contents) {}

    // All of it happens at the end: until then the files that earlier steps put aside may still be in it.
    Status observe(Context&, Value& before) override {
        before.add("existed", exists(path_));
        return {};
    }
    Status apply(Context&, const Value&) override { return {}; }
    Status undo(Context&, const Value&) override { return {}; }
    void commit(Context& context, const Value&) override {
        context.leftovers.remove_folder(path_, contents_, context.points);
    }

private:
    std::wstring path_;
    bool contents_;
};

} // namespace

Status make_make_folder(const Value& source, std::unique_ptr<Step>& step) {
    std::wstring path;
    std::string access;
    if (Status status = read_path(source, "path", path); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "access", access); !status.ok()) {
        return status;
    }
    const std::optional<Access> kind = folder_access(access);
    if (!kind) {
        return invalid_plan("unknown access \"" + access + "\"");
    }
    step = std::make_unique<MakeFolder>(source, std::move(path), *kind);
    return {};
}

Status make_copy_file(const Value& source, std::unique_ptr<Step>& step) {
    std::wstring from;
    std::wstring to;
    std::string hash;
    if (Status status = read_path(source, "from", from); !status.ok()) {
        return status;
    }
    if (Status status = read_path(source, "to", to); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "sha256", hash); !status.ok()) {
        return status;
    }
    if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
        return invalid_plan("sha256 must be 64 lower-case hexadecimal digits");
    }
    step = std::make_unique<CopyFile>(source, std::move(from), std::move(to), std::move(hash));
    return {};
}

Status make_write_file(const Value& source, std::unique_ptr<Step>& step) {
    std::wstring path;
    std::string data;
    if (Status status = read_path(source, "path", path); !status.ok()) {
        return status;
    }
    if (Status status = read_string(source, "data", data); !status.ok()) {
        return status;
    }
    std::optional<std::vector<std::uint8_t>> bytes = core::decode_base64(data);
    if (!bytes) {
        return invalid_plan("data must be Base64");
    }
    step = std::make_unique<CopyFile>(source, std::move(*bytes), std::move(path));
    return {};
}

Status make_delete_file(const Value& source, std::unique_ptr<Step>& step) {
    std::wstring path;
    if (Status status = read_path(source, "path", path); !status.ok()) {
        return status;
    }
    step = std::make_unique<DeleteFileStep>(source, std::move(path), flag(source, "unused"));
    return {};
}

Status make_delete_folder(const Value& source, std::unique_ptr<Step>& step) {
    std::wstring path;
    if (Status status = read_path(source, "path", path); !status.ok()) {
        return status;
    }
    step = std::make_unique<DeleteFolderStep>(source, std::move(path), flag(source, "contents"));
    return {};
}

} // namespace winsock_spi::spi
