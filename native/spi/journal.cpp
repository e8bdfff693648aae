#include "journal.hpp"

#include "core/journal_lines.hpp"
#include "files.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

Value record(const char* type) {
    Value value;
    value.add("type", type);
    return value;
}

Status damaged(const std::wstring& path) {
    return own_error("ERR_JOURNAL_DAMAGED",
                     narrow(path) + " is damaged; restore the catalog from a backup, which also removes the journal");
}

bool read_record(const Value& value, JournalState& state) {
    const std::wstring type = text_member(value, "type");
    const Value* index = value.find("index");
    const std::int64_t number = index != nullptr ? index->integer().value_or(-1) : -1;
    if (type == L"step" && number >= 0 && value.find("before") != nullptr) {
        state.before[static_cast<std::size_t>(number)] = *value.find("before");
    } else if (type == L"done" && number >= 0) {
        state.done[static_cast<std::size_t>(number)] = true;
    } else if (type == L"unconfirmed") {
        const Value* deadline = value.find("deadline");
        state.unconfirmed = deadline != nullptr ? deadline_of(*deadline) : std::nullopt;
        return state.unconfirmed.has_value();
    } else if (type == L"undoing") {
        state.undoing = true;
    } else if (type == L"committed") {
        state.committed = true;
    } else if (type == L"undone") {
        state.undone = true;
    } else {
        return false;
    }
    return true;
}

} // namespace

bool Journal::exists() const {
    FileKind kind = FileKind::missing;
    return file_kind(path_, kind).ok() && kind != FileKind::missing;
}

Status Journal::create(const Value& plan, const Value& registry, WritePoints& points) {
    SecurityAttributes security(access_sddl(Access::private_access));
    if (security.get() == nullptr) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW");
    }
    points.next();
    file_.reset(CreateFileW(path_.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, security.get(),
                            CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file_) {
        const DWORD error = GetLastError();
        return error == ERROR_FILE_EXISTS
                   ? own_error("ERR_UNFINISHED", "an earlier operation was not finished: run winsock-spi recover")
                   : system_error(error, "CreateFileW", "create " + narrow(path_));
    }
    Value begin = record("begin");
    begin.add("format", "winsock-spi-journal");
    begin.add("version", 1);
    begin.add("plan", plan);
    begin.add("registry", registry);
    Status status = append(begin, points);
    if (!status.ok()) { // nothing was begun, so nothing is pending
        static_cast<void>(remove(points));
    }
    return status;
}

Status Journal::read(std::optional<JournalState>& state, std::uint64_t& good_size) const {
    std::string text;
    if (Status status = read_trusted_file(path_, text); !status.ok()) {
        return status;
    }
    const core::JournalText lines = core::read_journal_text(text);
    good_size = lines.good_size;
    if (lines.damaged) {
        return damaged(path_);
    }
    state.reset();
    if (lines.records.empty()) {
        return {};
    }
    const Value& begin = lines.records.front();
    const Value* version = begin.find("version");
    if (text_member(begin, "type") != L"begin" || text_member(begin, "format") != L"winsock-spi-journal") {
        return damaged(path_);
    }
    if (version == nullptr || version->integer() != 1) {
        return own_error("ERR_JOURNAL_DAMAGED",
                         narrow(path_) + " was written by a newer version of winsock-spi: use that one");
    }
    JournalState found;
    if (begin.find("plan") == nullptr || begin.find("registry") == nullptr) {
        return damaged(path_);
    }
    found.plan = *begin.find("plan");
    found.registry = *begin.find("registry");
    for (std::size_t i = 1; i < lines.records.size(); ++i) {
        if (!read_record(lines.records[i], found)) {
            return damaged(path_);
        }
    }
    state = std::move(found);
    return {};
}

Status Journal::peek(std::optional<JournalState>& state) const {
    std::uint64_t good_size = 0;
    return read(state, good_size);
}

Status Journal::open(std::optional<JournalState>& state) {
    std::uint64_t good_size = 0;
    if (Status status = read(state, good_size); !status.ok()) {
        return status;
    }
    file_.reset(CreateFileW(path_.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                            FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file_) {
        return last_error("CreateFileW", "open " + narrow(path_));
    }
    LARGE_INTEGER end{};
    end.QuadPart = static_cast<LONGLONG>(good_size);
    if (!SetFilePointerEx(file_.get(), end, nullptr, FILE_BEGIN) || !SetEndOfFile(file_.get())) {
        return last_error("SetEndOfFile", narrow(path_));
    }
    return {};
}

Status Journal::append(const Value& value, WritePoints& points) {
    const std::string line = core::journal_line(value);
    points.next();
    DWORD count = 0;
    if (!WriteFile(file_.get(), line.data(), static_cast<DWORD>(line.size()), &count, nullptr) ||
        count != line.size()) {
        return last_error("WriteFile", narrow(path_));
    }
    return FlushFileBuffers(file_.get()) ? Status{} : last_error("FlushFileBuffers", narrow(path_));
}

Status Journal::step(std::size_t index, const Value& before, WritePoints& points) {
    Value value = record("step");
    value.add("index", static_cast<std::int64_t>(index));
    value.add("before", before);
    return append(value, points);
}

Status Journal::done(std::size_t index, WritePoints& points) {
    Value value = record("done");
    value.add("index", static_cast<std::int64_t>(index));
    return append(value, points);
}

Status Journal::unconfirmed(const Deadline& deadline, WritePoints& points) {
    Value value = record("unconfirmed");
    value.add("deadline", to_json(deadline));
    return append(value, points);
}

Status Journal::undoing(const Status& reason, WritePoints& points) {
    Value value = record("undoing");
    value.add("code", reason.ok() ? std::string() : reason.code());
    value.add("message", reason.message);
    return append(value, points);
}

Status Journal::committed(WritePoints& points) {
    return append(record("committed"), points);
}
Status Journal::undone(WritePoints& points) {
    return append(record("undone"), points);
}

Status Journal::remove(WritePoints& points) {
    file_.reset();
    return delete_file(path_, points);
}

} // namespace winsock_spi::spi
