// The journal of the operation that is under way: <data folder>\journal.json, readable by administrators only, lines as
// core/journal_lines.hpp says. A record is on the disk before what it announces is done. Records in order:
//   { "type": "begin", "format": "winsock-spi-journal", "version": 1, "plan": {...}, "registry": tree }
//                                   the whole plan, and everything below WinSock2\Parameters as it was
//   { "type": "step", "index": n, "before": {...} }      step n is about to be done
//   { "type": "done", "index": n }                       it is done
//   { "type": "unconfirmed", "deadline": {...} }         all is done, and undone again unless "committed" follows in
//   time { "type": "undoing", "code": ..., "message": ... }   from here on everything is undone { "type": "committed" }
//   or { "type": "undone" }      the outcome; what remains is tidying up
// Then the file is deleted: no journal, nothing pending.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "confirm_deadline.hpp"
#include "core/json.hpp"
#include "status.hpp"
#include "unique.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

// What a journal tells when it is read again.
struct JournalState {
    core::json::Value plan;
    core::json::Value registry;
    std::map<std::size_t, core::json::Value> before; // of every step that was begun
    std::map<std::size_t, bool> done;
    std::optional<Deadline> unconfirmed;
    bool undoing = false;
    bool committed = false;
    bool undone = false;
};

class Journal {
public:
    explicit Journal(const std::wstring& folder) : path_(folder + L"\\journal.json") {}

    const std::wstring& path() const { return path_; }
    bool exists() const;

    // A new journal with its begin record. ERR_UNFINISHED where there is one.
    Status create(const core::json::Value& plan, const core::json::Value& registry, WritePoints& points);
    // Reads an existing one and opens it for more records; a last line that was cut off is removed. `state` stays
    // empty where not even the begin record is whole: then nothing has been done.
    Status open(std::optional<JournalState>& state);
    // Only reads, and leaves a cut-off line where it is.
    Status peek(std::optional<JournalState>& state) const;

    Status step(std::size_t index, const core::json::Value& before, WritePoints& points);
    Status done(std::size_t index, WritePoints& points);
    Status unconfirmed(const Deadline& deadline, WritePoints& points);
    Status undoing(const Status& reason, WritePoints& points);
    Status committed(WritePoints& points);
    Status undone(WritePoints& points);
    Status remove(WritePoints& points);

private:
    Status append(const core::json::Value& record, WritePoints& points);
    Status read(std::optional<JournalState>& state, std::uint64_t& good_size) const;

    std::wstring path_;
    UniqueFile file_;
};

} // namespace winsock_spi::spi
