// The steps about LSP categories: those of a layered provider in one catalog, and those that a program permits.
#include "catalog_step.hpp"

#include <algorithm>

#include "core/guid_text.hpp"
#include "spi/categories.hpp"
#include "spi/helper.hpp"
#include "spi/registry_json.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::Guid;
using core::json::Value;

class SetProviderCategory final : public CatalogStep {
public:
    SetProviderCategory(const Value& source, int bits, const Guid& provider, std::uint32_t categories)
        : CatalogStep(source, bits), provider_(provider), categories_(categories) {}

    Status observe(Context& context, Value& before) override {
        if (needs_helper()) { // only a process of that bitness is told
            return run_helper(context, bits(), HelperAction::observe, *this, {}, &before);
        }
        std::uint32_t categories = 0;
        if (Status status = get(context, categories); !status.ok()) {
            return status;
        }
        before.add("categories", categories);
        return {};
    }

protected:
    Status change(Context& context, const Value&) override { return set(context, categories_); }

    Status restore(Context& context, const Value& before) override {
        std::uint32_t former = 0;
        if (Status status = read_number(before, "categories", former); !status.ok()) {
            return status;
        }
        return set(context, former);
    }

private:
    // A provider that is not in the catalog (any more) has no categories.
    Status get(Context& context, std::uint32_t& categories) const {
        categories = 0;
        Entries entries;
        if (Status status = read(context, entries); !status.ok()) {
            return status;
        }
        return entries_of(entries, provider_).empty()
                   ? Status{}
                   : get_provider_categories(context.winsock, bits(), provider_, categories);
    }

    Status set(Context& context, std::uint32_t wanted) const {
        std::uint32_t categories = 0;
        if (Status status = get(context, categories); !status.ok() || categories == wanted) {
            return status;
        }
        context.points.next();
        if (Status status = set_provider_categories(context.winsock, bits(), provider_, wanted); !status.ok()) {
            return status;
        }
        if (Status status = get(context, categories); !status.ok()) {
            return status;
        }
        return categories == wanted
                   ? Status{}
                   : own_error("ERR_VERIFY_FAILED", core::format_guid(provider_) + " in " + catalog_name(bits()) +
                                                        " did not take its categories");
    }

    Guid provider_;
    std::uint32_t categories_;
};

// Winsock's function only ever adds categories to those that a program permits. So it makes entries and adds to them;
// what is taken away, down to the whole entry, is taken out of the registry.
class SetApplicationCategory final : public Step {
public:
    SetApplicationCategory(const Value& source, Application application, std::optional<std::uint32_t> categories,
                           bool mark)
        : Step(source), application_(std::move(application)), categories_(categories), mark_(mark) {}

    // The key of the entry, if there is one; and the names of all keys, by which one that Winsock makes is known.
    Status observe(Context&, Value& before) override {
        RegistryTree applications;
        bool exists = false;
        if (Status status = read_applications(applications, exists); !status.ok()) {
            return status;
        }
        before.add("exists", exists);
        core::json::Array names;
        for (const auto& [name, key] : applications.keys) {
            names.push_back(narrow(name));
        }
        before.add("names", std::move(names));
        if (const std::wstring name = find_application(applications, application_); !name.empty()) {
            before.add("name", narrow(name));
            before.add("entry", to_json(*applications.key(name)));
        }
        return {};
    }

    Status apply(Context& context, const Value& before) override {
        RegistryTree applications;
        bool exists = false;
        if (Status status = read_applications(applications, exists); !status.ok()) {
            return status;
        }
        const std::wstring name = find_application(applications, application_);
        if (!categories_) {
            return name.empty() ? Status{} : remove(context, name, applications.keys.size());
        }
        if (!name.empty()) {
            RegistryTree& key = *applications.key(name);
            const std::uint32_t former = key.dword(permitted_value);
            if (former == *categories_) {
                return mark(context, before);
            }
            if ((former & ~*categories_) != 0) {
                key.set_dword(permitted_value, *categories_);
                Status status = write_tree(path_of(name), key, context.points);
                return status.ok() ? mark(context, before) : status;
            }
        }
        context.points.next();
        if (Status status = add_application_categories(context.winsock, application_, *categories_); !status.ok()) {
            return status;
        }
        std::optional<std::uint32_t> permitted;
        if (Status status = get_application_categories(context.winsock, application_, permitted); !status.ok()) {
            return status;
        }
        return permitted == categories_
                   ? mark(context, before)
                   : own_error("ERR_VERIFY_FAILED", narrow(application_.program) + " did not get its categories");
    }

    Status undo(Context& context, const Value& before) override {
        RegistryTree applications;
        bool exists = false;
        if (Status status = read_applications(applications, exists); !status.ok()) {
            return status;
        }
        if (const Value* entry = before.find("entry")) {
            RegistryTree key;
            if (Status status = from_json(*entry, key); !status.ok()) {
                return status;
            }
            return write_tree(path_of(text_member(before, "name")), key, context.points);
        }
        if (!exists) {
            return {};
        }
        for (std::wstring name = made(applications, before); !name.empty(); name = made(applications, before)) {
            if (Status status = delete_tree(path_of(name), context.points); !status.ok()) {
                return status;
            }
            std::erase_if(applications.keys, [&](const auto& key) { return equal_names(key.name, name); });
        }
        return applications.keys.empty() && !flag(before, "exists") ? delete_tree(applications_path(), context.points)
                                                                    : Status{};
    }

    bool changes_catalog() const override { return false; } // of providers

private:
    static std::wstring path_of(const std::wstring& name) { return applications_path() + L"\\" + name; }

    // Windows has entries of its own in that key and never deletes it; where ours was the only one, it is as before us.
    static Status remove(Context& context, const std::wstring& name, std::size_t count) {
        return delete_tree(count == 1 ? applications_path() : path_of(name), context.points);
    }

    // The key that this step has made: not there before, and about this program's file.
    std::wstring made(const RegistryTree& applications, const Value& before) const {
        for (const auto& [name, key] : applications.keys) {
            if (!is_among(before, name) && is_about_file(key, application_.program)) {
                return name;
            }
        }
        return {};
    }

    // Says in the entry who made it, or, where somebody else decides about it now, no longer.
    Status mark(Context& context, const Value& before) const {
        RegistryTree applications;
        bool exists = false;
        if (Status status = read_applications(applications, exists); !status.ok()) {
            return status;
        }
        const bool ours = mark_ && before.find("entry") == nullptr;
        const std::wstring name = ours ? made(applications, before) : find_application(applications, application_);
        RegistryTree* key = applications.key(name);
        if (name.empty() || key == nullptr || (key->value(made_by_value) != nullptr) == ours) {
            return {};
        }
        if (ours) {
            key->values.push_back({made_by_value, REG_DWORD, {}});
            key->set_dword(made_by_value, 1);
        } else if (!mark_) {
            std::erase_if(key->values, [](const RegistryValue& value) { return value.name == made_by_value; });
        }
        return write_tree(path_of(name), *key, context.points);
    }

    static bool is_among(const Value& before, const std::wstring& name) {
        const Value* names = before.find("names");
        const core::json::Array* all = names != nullptr ? names->array() : nullptr;
        return all != nullptr && std::ranges::any_of(*all, [&](const Value& one) {
                   return one.string() != nullptr && equal_names(widen(*one.string()), name);
               });
    }

    Application application_;
    std::optional<std::uint32_t> categories_; // empty: no entry at all
    bool mark_;
};

} // namespace

Status make_set_provider_category(const Value& source, std::unique_ptr<Step>& step) {
    int bits = 0;
    Guid provider{};
    std::uint32_t categories = 0;
    if (Status status = read_bits(source, "catalog", bits); !status.ok()) {
        return status;
    }
    if (Status status = read_guid(source, "providerId", provider); !status.ok()) {
        return status;
    }
    if (Status status = read_number(source, "categories", categories); !status.ok()) {
        return status;
    }
    step = std::make_unique<SetProviderCategory>(source, bits, provider, categories);
    return {};
}

Status make_set_application_category(const Value& source, std::unique_ptr<Step>& step) {
    Application application;
    if (Status status = read_path(source, "program", application.program); !status.ok()) {
        return status;
    }
    if (application.program.size() >= MAX_PATH) {
        return own_error("ERR_PATH_TOO_LONG",
                         "a program's path has at most 259 characters: " + narrow(application.program));
    }
    constexpr std::size_t longest_command_line = 32767;
    application.arguments = text_member(source, "args");
    if (application.arguments.size() > longest_command_line ||
        application.arguments.find(L'\0') != std::wstring::npos) {
        return invalid_plan("args must be a command line");
    }
    std::optional<std::uint32_t> categories;
    if (const Value* member = source.find("categories"); member == nullptr || !member->is_null()) {
        std::uint32_t number = 0;
        if (Status status = read_number(source, "categories", number); !status.ok()) {
            return status;
        }
        categories = number;
    }
    step = std::make_unique<SetApplicationCategory>(source, std::move(application), categories, flag(source, "mark"));
    return {};
}

} // namespace winsock_spi::spi
