// The command that takes a provider out of the catalogs: ours, of whatever version it is, with its programs, or one
// that is named, whose files stay. Entries are known by their GUIDs, never by their path. Chains of other providers
// that lead through it are led past it; nothing else changes. By Winsock's functions first, by the registry where those
// fail.
#include "commands.hpp"

#include <algorithm>

#include "core/chain.hpp"
#include "core/guid_text.hpp"
#include "installed_files.hpp"
#include "output.hpp"
#include "replaced_base.hpp"
#include "selection.hpp"
#include "spi/backup.hpp"
#include "spi/catalog_items.hpp"
#include "spi/categories.hpp"
#include "spi/executor.hpp"
#include "spi/policy_store.hpp"
#include "spi/registry_json.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::rescue {
namespace {

using core::ProtocolInfo;
using core::json::Array;
using core::json::Value;

const ProtocolInfo* find_leaving(const Selection& leaving, const Entries& entries, std::uint32_t id) {
    for (const spi::CatalogEntry& entry : entries) {
        if (entry.info.catalog_entry_id == id && leaving.has(entry.info.provider_id)) {
            return &entry.info;
        }
    }
    return nullptr;
}

// Whether the id names something that stood below what leaves when that was installed, and has gone since.
bool gone_from_below(const Selection& leaving, std::uint32_t id, const Entries& entries) {
    bool named = false;
    for (const spi::CatalogEntry& entry : entries) {
        if (entry.info.catalog_entry_id == id) {
            return false;
        }
        const core::Chain chain = core::chain_of(entry.info);
        named = named || (leaving.has(entry.info.provider_id) && std::ranges::find(chain, id) != chain.end());
    }
    return named;
}

// A chain without the entries that leave, and without what went from below them without a word: they got over that, who
// stands above is to be able to without them. Where one of them is its end, the chain below that takes its place.
std::vector<std::uint32_t> chain_without(const Selection& leaving, const ProtocolInfo& info, const Entries& entries) {
    std::vector<std::uint32_t> chain;
    const core::Chain ids = core::chain_of(info);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const ProtocolInfo* going = find_leaving(leaving, entries, ids[i]);
        if (going == nullptr) {
            chain.push_back(ids[i]);
        } else if (i + 1 == ids.size()) {
            for (const std::uint32_t below : core::chain_of(*going)) {
                if (find_leaving(leaving, entries, below) == nullptr) {
                    chain.push_back(below);
                }
            }
        }
    }
    if (chain.size() > core::max_chain_length) { // together too long; the base is what nobody can do without
        chain[core::max_chain_length - 1] = chain.back();
        chain.resize(core::max_chain_length);
    }
    std::vector<std::uint32_t> known;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        if (i == 0 || !gone_from_below(leaving, chain[i], entries)) { // the first place is the provider itself
            known.push_back(chain[i]);
        }
    }
    return known.size() > 1 ? known : chain; // a chain of one would be a base entry's
}

bool leads_through(const Selection& leaving, const ProtocolInfo& info, const Entries& entries) {
    const core::Chain ids = core::chain_of(info);
    return !leaving.has(info.provider_id) &&
           std::ranges::any_of(ids, [&](std::uint32_t id) { return find_leaving(leaving, entries, id) != nullptr; });
}

Value make_plan(const Selection& leaving, const std::wstring& backup, Array steps) {
    Value plan;
    plan.add("format", "winsock-spi-plan");
    plan.add("version", 1);
    plan.add("operation", "uninstall");
    plan.add("text", "Take " + leaving.name() + " out of the catalogs");
    plan.add("backup", spi::narrow(backup));
    plan.add("onFailure", "finish");
    plan.add("steps", std::move(steps));
    return plan;
}

// Steps by Winsock's functions. Chains are led past it first, so that none ever names an entry that is gone; the
// hidden entry, which all the others name, goes last.
void add_winsock_steps(const Selection& leaving, int bits, const Entries& entries, Array& steps) {
    const std::string catalog = std::to_string(bits) + "-bit catalog: ";
    for (const spi::CatalogEntry& entry : entries) {
        if (!leads_through(leaving, entry.info, entries)) {
            continue;
        }
        Value step;
        step.add("do", "update-provider");
        step.add("catalog", bits);
        step.add("providerId", core::format_guid(entry.info.provider_id));
        step.add("path", spi::narrow(entry.path));
        step.add("id", entry.info.catalog_entry_id);
        step.add("chain", spi::encode_ids(chain_without(leaving, entry.info, entries)));
        step.add("text", catalog + "lead the chain of entry " + std::to_string(entry.info.catalog_entry_id) + " past " +
                             leaving.name());
        steps.push_back(std::move(step));
    }
    std::vector<core::Guid> guids;
    for (const bool hidden : {false, true}) {
        for (const spi::CatalogEntry& entry : entries) {
            const core::Guid& guid = entry.info.provider_id;
            if (leaving.has(guid) && (entry.info.chain_length == 0) == hidden &&
                std::ranges::find(guids, guid) == guids.end()) {
                guids.push_back(guid);
                Value step;
                step.add("do", "deinstall-provider");
                step.add("catalog", bits);
                step.add("providerId", core::format_guid(guid));
                step.add("text", catalog + "remove entry " + std::to_string(entry.info.catalog_entry_id));
                steps.push_back(std::move(step));
            }
        }
    }
}

// The programs that an installation has kept us out of are let free again.
void add_program_steps(Array& steps) {
    spi::RegistryTree applications;
    bool exists = false;
    if (!spi::read_applications(applications, exists).ok()) {
        return; // what stands there keeps a provider out that is gone: no harm
    }
    for (const auto& [name, key] : applications.keys) {
        const spi::Application application = spi::application_of(key);
        if (key.value(spi::made_by_value) == nullptr || application.program.empty()) {
            continue;
        }
        Value step;
        step.add("do", "set-application-category");
        step.add("program", spi::narrow(application.program));
        step.add("args", spi::narrow(application.arguments));
        step.add("categories", Value());
        step.add("text", "Let every layered provider into " + spi::narrow(application.program));
        steps.push_back(std::move(step));
    }
}

// A policy goes with the provider that carried it out; else it would hold again after the next installation.
void add_policy_step(Array& steps) {
    if (spi::has_policy_traces()) {
        Value step;
        step.add("do", "clear-policy");
        step.add("text", "Clear the policy");
        steps.insert(steps.begin(), std::move(step));
    }
}

// The whole of it as one step in the registry. Entries that cannot be decoded stay where they are.
spi::Status add_registry_step(const Selection& leaving, Array& steps) {
    spi::RegistryTree catalog;
    if (spi::Status status = spi::read_protocol_catalog(catalog); !status.ok()) {
        return status;
    }
    for (const int bits : {64, 32}) {
        const spi::RegistryTree* items = catalog.key(spi::entries_key(bits));
        if (items == nullptr) {
            continue;
        }
        const std::vector<spi::RegistrySubkey> keys = items->keys;
        Entries entries;
        std::vector<const spi::RegistryTree*> readable;
        for (const auto& [name, key] : keys) {
            spi::CatalogEntry entry;
            if (spi::decode_entry(key, entry).ok()) {
                entries.push_back(std::move(entry));
                readable.push_back(&key);
            }
        }
        std::vector<spi::RegistryTree> kept;
        for (const auto& [name, key] : keys) {
            const auto place = std::ranges::find(readable, &key);
            if (place == readable.end()) {
                kept.push_back(key);
                continue;
            }
            const spi::CatalogEntry& entry = entries[static_cast<std::size_t>(place - readable.begin())];
            if (leaving.has(entry.info.provider_id)) {
                continue;
            }
            kept.push_back(key);
            if (leads_through(leaving, entry.info, entries)) {
                const ProtocolInfo info = core::with_chain(entry.info, chain_without(leaving, entry.info, entries));
                if (spi::Status status = spi::set_item(kept.back(), entry.path, info); !status.ok()) {
                    return status;
                }
            }
        }
        spi::set_entries(catalog, bits, std::move(kept));
    }
    Value step;
    step.add("do", "write-registry");
    step.add("key", "Protocol_Catalog9");
    step.add("tree", spi::to_json(catalog));
    step.add("text", "Write the catalogs without " + leaving.name() + " into the registry");
    steps.push_back(std::move(step));
    return {};
}

} // namespace

int remove(const Arguments& arguments) {
    spi::Machine machine;
    std::wstring former;
    if (spi::Status status = spi::read_machine(machine); !status.ok()) {
        return report(status);
    }
    spi::RecoverResult recovered; // an installation that was interrupted is taken back before it is looked at
    if (spi::Status status = spi::recover(recovered); !status.ok()) {
        return report(status, recovered.catalog_damaged ? exit_needs_restore : exit_failed);
    }
    Selection leaving;
    if (!arguments.empty()) {
        if (spi::Status status = Selection::of(arguments[0], leaving); !status.ok()) {
            return report(status);
        }
    }
    spi::Winsock winsock;
    Array steps;
    Array given_back;
    spi::Status trouble;
    for (const int bits : machine.catalogs) {
        Entries entries;
        spi::Status status = winsock.enumerate(bits, entries);
        if (status.ok()) {
            add_winsock_steps(leaving, bits, entries, steps);
        } else {
            trouble = std::move(status);
        }
    }
    if (leaving.is_ours()) {
        if (spi::Status status = add_give_back_steps(machine.catalogs, given_back); !status.ok()) {
            return report(status);
        }
    }
    if (trouble.ok()) {
        steps.insert(steps.end(), given_back.begin(), given_back.end());
    }
    if (trouble.ok() && steps.empty()) {
        print("No catalog has an entry of " + leaving.name() + ".");
        return exit_done;
    }
    if (spi::Status status = spi::write_automatic_backup(machine, former); !status.ok()) {
        return report(status);
    }
    const auto finish = [&](Array all) {
        if (leaving.is_ours()) {
            add_program_steps(all);
            add_policy_step(all);
            add_file_steps(machine.program_files, all);
        }
        return execute(make_plan(leaving, former, std::move(all)));
    };
    int code = exit_failed;
    if (trouble.ok()) {
        code = finish(std::move(steps));
    } else {
        print_error(trouble.message);
    }
    if (code == exit_failed) { // everything is as before: the other way
        print("Winsock's own functions do not do it; writing the registry.");
        Array registry;
        if (spi::Status status = add_registry_step(leaving, registry); !status.ok()) {
            return report(status);
        }
        registry.insert(registry.end(), given_back.begin(), given_back.end());
        code = finish(std::move(registry));
    }
    if (code == exit_done) {
        print("Taken out of the catalogs: " + leaving.name() + ". Programs that run keep it until they end.");
        print(
            "To undo: " + std::string(leaving.is_ours() ? "install winsock-spi again" : "winsock-spi-rescue restore") +
            ". What was in the catalogs: " + spi::narrow(former));
    }
    return code;
}

} // namespace winsock_spi::rescue
