// Addon part: watching. The watching word and the clocks, rings, and the job object that follows a process tree.
//
// Each object handed out owns its system resources through the functions that are its methods: close() releases them at
// once, else the garbage collector or the end of the environment does.
#include "parts.hpp"

#include "core/ring.hpp"
#include "spi/machine.hpp"
#include "spi/process_tree.hpp"
#include "spi/ring_file.hpp"
#include "spi/watch_presence.hpp"
#include "values.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace winsock_spi::addon {
namespace {

// More rings than this are not listed: whoever may make files could make any number of them.
constexpr std::size_t most_rings = 16384;
// Records that one read copies at most.
constexpr std::size_t most_records = 16384;

using Scratch = std::shared_ptr<std::vector<std::byte>>;

std::wstring rings_folder(Napi::Env env) {
    std::wstring path;
    check(env, spi::data_folder(path));
    return path + L"\\rings";
}

spi::RingName ring_argument(const Napi::CallbackInfo& info) {
    const auto name = spi::parse_ring_name(string_argument(info, 0, "name"));
    if (!name) {
        throw Napi::TypeError::New(info.Env(), "name must be that of a ring: <pid>-<16 hex digits>.ring");
    }
    return *name;
}

Napi::Value read_clock(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const spi::ClockSample sample = spi::read_clocks();
    Napi::Object object = Napi::Object::New(env);
    object.Set("tsc", to_bigint(env, sample.tsc));
    object.Set("qpc", to_bigint(env, sample.qpc));
    object.Set("qpcFrequency", to_bigint(env, sample.qpc_frequency));
    object.Set("filetime", to_bigint(env, sample.filetime));
    return object;
}

Napi::Value open_control(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::wstring folder;
    check(env, spi::data_folder(folder));
    auto presence = std::make_shared<spi::WatchPresence>();
    check(env, presence->open(folder));
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "setWatching", [presence](const Napi::CallbackInfo& call) -> Napi::Value {
        if (call.Length() < 1 || !call[0].IsBoolean()) {
            throw Napi::TypeError::New(call.Env(), "watching must be a boolean");
        }
        if (call[0].As<Napi::Boolean>().Value()) {
            presence->enter();
        } else {
            presence->leave();
        }
        const bool control = presence->place() == spi::WatchPresence::Place::control;
        return Napi::String::New(call.Env(), control ? "control" : "watch");
    });
    set_function(object, "keep", [presence](const Napi::CallbackInfo&) { presence->keep(); });
    set_function(object, "others", [presence](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), presence->others());
    });
    set_function(object, "clock", read_clock);
    set_function(object, "close", [presence](const Napi::CallbackInfo&) { presence->close(); });
    return object;
}

Napi::Array to_array(Napi::Env env, const std::vector<std::wstring>& names) {
    Napi::Array array = Napi::Array::New(env, names.size());
    for (std::size_t index = 0; index < names.size(); ++index) {
        array.Set(static_cast<std::uint32_t>(index), to_string(env, names[index]));
    }
    return array;
}

Napi::Value list_rings(const Napi::CallbackInfo& info) {
    std::vector<std::wstring> names;
    const spi::Status status = spi::list_ring_names(rings_folder(info.Env()), most_rings, names);
    if (status.code() == "ERROR_ACCESS_DENIED") {
        return info.Env().Undefined();
    }
    check(info.Env(), status);
    return to_array(info.Env(), names);
}

Napi::Value list_process_rings(const Napi::CallbackInfo& info) {
    std::vector<std::wstring> names;
    check(info.Env(), spi::list_process_ring_names(names));
    return to_array(info.Env(), names);
}

Napi::Value remove_ring(const Napi::CallbackInfo& info) {
    const spi::RingName name = ring_argument(info);
    const std::wstring path = rings_folder(info.Env()) + L"\\" + spi::ring_name(name);
    const bool removed = !spi::RingOwner(name.process).is_alive() && spi::remove_ring(path).ok();
    return Napi::Boolean::New(info.Env(), removed);
}

// One ring, from the file to its owner's process.
struct Ring {
    explicit Ring(const spi::ProcessIdentity& identity) : process(identity), owner(identity) {}

    spi::ProcessIdentity process;
    spi::RingOwner owner;
    spi::RingFile file;
    core::RingReader reader;
    bool valid = false;

    void close() {
        valid = false;
        file.close();
    }
};

const char* fault_name(core::RingFault fault) {
    switch (fault) {
    case core::RingFault::none: return "";
    case core::RingFault::too_small: return "too small for what its header says";
    case core::RingFault::not_ready: return "not made to its end yet";
    case core::RingFault::not_a_ring: return "not a ring";
    case core::RingFault::other_abi: return "its provider is of a version whose rings this one does not read";
    case core::RingFault::bad_header: return "its header cannot be";
    }
    return "";
}

// UTF-16 as the process wrote it; the lengths were checked when the header was copied.
Napi::String header_text(Napi::Env env, const std::uint16_t* units, std::size_t length) {
    static_assert(sizeof(char16_t) == sizeof(std::uint16_t));
    return Napi::String::New(env, reinterpret_cast<const char16_t*>(units), length);
}

Napi::Object header_object(Napi::Env env, const core::RingHeader& header) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("abi", Napi::Number::New(env, header.abi));
    object.Set("recordCount", Napi::Number::New(env, header.record_count));
    object.Set("pid", Napi::Number::New(env, header.pid));
    object.Set("parentPid", Napi::Number::New(env, header.parent_pid));
    object.Set("processStart", to_bigint(env, header.process_start));
    object.Set("bits", Napi::Number::New(env, header.bits));
    object.Set("mode", header.mode == core::RingMode::active ? "active" : "pass-through");
    object.Set("clock", header.clock == core::RingClock::tsc ? "tsc" : "qpc");
    object.Set("clockAtCreation", to_bigint(env, header.clock_at_creation));
    object.Set("qpcAtCreation", to_bigint(env, header.qpc_at_creation));
    object.Set("qpcFrequency", to_bigint(env, header.qpc_frequency));
    object.Set("filetimeAtCreation", to_bigint(env, header.filetime_at_creation));
    object.Set("providerVersion", Napi::Number::New(env, header.provider_version));
    object.Set("program", header_text(env, header.program, header.program_length));
    object.Set("reason", header_text(env, header.reason, header.reason_length));
    return object;
}

// At most `max` records into a buffer of their own; undefined when there is nothing new.
Napi::Value read_records(const Napi::CallbackInfo& info, Ring& ring, std::vector<std::byte>& scratch) {
    const Napi::Env env = info.Env();
    const std::size_t max = std::min<std::size_t>(number_argument(info, 0, "max", 1e9), most_records);
    if (!ring.valid || max == 0) {
        return env.Undefined();
    }
    if (scratch.size() < max * sizeof(core::Record)) {
        scratch.resize(max * sizeof(core::Record));
    }
    const bool writer_gone = !ring.owner.is_alive(); // asked first: what it wrote before it ended is there by now
    const auto batch =
        ring.reader.read(std::span(scratch).first(max * sizeof(core::Record)), spi::milliseconds(), writer_gone);
    if (batch.records == 0 && batch.lost == 0) {
        return env.Undefined();
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("records", to_bytes(env, {reinterpret_cast<const std::uint8_t*>(scratch.data()),
                                         batch.records * sizeof(core::Record)}));
    object.Set("lost", to_bigint(env, batch.lost));
    return object;
}

Napi::Value open_ring(const Napi::CallbackInfo& info, const Scratch& scratch) {
    const Napi::Env env = info.Env();
    const spi::RingName name = ring_argument(info);
    const spi::ProcessIdentity& process = name.process;
    auto ring = std::make_shared<Ring>(process);
    const std::wstring path = rings_folder(env) + L"\\" + spi::ring_name(name);
    check(env, ring->file.open(path, ring->owner, sizeof(core::RingHeader), core::ring_size(core::max_record_count)));
    const core::RingFault fault = ring->reader.open(ring->file.data(), ring->file.size());
    const char* problem = fault_name(fault);
    if (fault == core::RingFault::none) {
        const core::RingHeader& header = ring->reader.header();
        ring->valid = header.pid == process.pid && header.process_start == process.start;
        problem = ring->valid ? "" : "its header names another process than its file name";
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("header", ring->valid ? header_object(env, ring->reader.header()) : env.Undefined());
    object.Set("fault", Napi::String::New(env, problem));
    object.Set("ready", Napi::Boolean::New(env, fault != core::RingFault::not_ready));
    if (fault == core::RingFault::other_abi && ring->owner.bits() != 0) {
        Napi::Object owner = Napi::Object::New(env);
        owner.Set("program", to_string(env, ring->owner.program()));
        owner.Set("bits", Napi::Number::New(env, ring->owner.bits()));
        object.Set("owner", owner);
    }
    if (!ring->valid) {
        ring->close();
    }
    set_function(object, "read", [ring, scratch](const Napi::CallbackInfo& call) -> Napi::Value {
        return read_records(call, *ring, *scratch);
    });
    set_function(object, "waiting", [ring](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), ring->valid && ring->reader.waiting());
    });
    set_function(object, "seekToEnd", [ring](const Napi::CallbackInfo&) {
        if (ring->valid) {
            ring->reader.seek_to_end();
        }
    });
    set_function(object, "isWriterAlive", [ring](const Napi::CallbackInfo& call) -> Napi::Value {
        return Napi::Boolean::New(call.Env(), ring->owner.is_alive());
    });
    set_function(object, "close", [ring](const Napi::CallbackInfo&) { ring->close(); });
    return object;
}

Napi::Value join_job(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto tree = std::make_shared<spi::ProcessTree>();
    check(env, tree->join());
    Napi::Object object = Napi::Object::New(env);
    set_function(object, "has", [tree](const Napi::CallbackInfo& call) -> Napi::Value {
        const std::uint32_t pid = number_argument(call, 0, "pid", 0xFFFF'FFFF);
        bool lossless = false;
        const std::uint64_t start =
            call.Length() > 1 && call[1].IsBigInt() ? call[1].As<Napi::BigInt>().Uint64Value(&lossless) : 0;
        if (!lossless) {
            throw Napi::TypeError::New(call.Env(), "start must be a bigint from 0 to 2^64 - 1");
        }
        return Napi::Boolean::New(call.Env(), tree->contains(pid, start));
    });
    set_function(object, "members", [tree](const Napi::CallbackInfo& call) -> Napi::Value {
        std::vector<spi::ProcessTree::Member> members;
        check(call.Env(), tree->members(members));
        Napi::Array array = Napi::Array::New(call.Env(), members.size());
        for (std::size_t index = 0; index < members.size(); ++index) {
            Napi::Object member = Napi::Object::New(call.Env());
            member.Set("pid", Napi::Number::New(call.Env(), members[index].pid));
            member.Set("program", to_string(call.Env(), members[index].program));
            array.Set(static_cast<std::uint32_t>(index), member);
        }
        return array;
    });
    return object;
}

} // namespace

void init_watch(Napi::Env, Napi::Object exports) {
    const auto scratch = std::make_shared<std::vector<std::byte>>();
    set_function(exports, "openControl", open_control);
    set_function(exports, "listRings", list_rings);
    set_function(exports, "listProcessRings", list_process_rings);
    set_function(exports, "removeRing", remove_ring);
    set_function(exports, "openRing",
                 [scratch](const Napi::CallbackInfo& info) -> Napi::Value { return open_ring(info, scratch); });
    set_function(exports, "joinJob", join_job);
}

} // namespace winsock_spi::addon
