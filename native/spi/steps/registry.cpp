// The step that makes a part of the Winsock registry exactly what a tree says: the way back to a backup that keeps ids.
#include "spi/step.hpp"

#include <algorithm>
#include <optional>

#include "spi/catalog_items.hpp"
#include "spi/registry_json.hpp"
#include "spi/step_members.hpp"
#include "spi/text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

// A catalog's counters never go back: running programs see by the serial number that something changed, and an id
// that was given away is not given away again.
void keep_counters(RegistryTree& catalog, const RegistryTree& current) {
    catalog.set_dword(L"Serial_Access_Num",
                      std::max(catalog.dword(L"Serial_Access_Num"), current.dword(L"Serial_Access_Num")) + 1);
    if (catalog.value(L"Next_Catalog_Entry_ID") != nullptr) {
        catalog.set_dword(L"Next_Catalog_Entry_ID",
                          std::max(catalog.dword(L"Next_Catalog_Entry_ID"), current.dword(L"Next_Catalog_Entry_ID")));
    }
}

// Whether the catalog is as it is to be: its counters may be ahead. (A next id that is behind leads to ids that are in
// use: writing it is a repair.)
bool has_catalog_already(const RegistryTree& wanted, const RegistryTree& current) {
    return same_catalog(wanted, current) &&
           wanted.dword(L"Next_Catalog_Entry_ID") <= current.dword(L"Next_Catalog_Entry_ID");
}

bool is_catalog(std::wstring_view name) {
    return equal_names(name, protocol_catalog) || equal_names(name, L"NameSpace_Catalog5");
}

class WriteRegistry final : public Step {
public:
    WriteRegistry(const Value& source, std::wstring key, std::optional<RegistryTree> tree)
        : Step(source), key_(std::move(key)), tree_(std::move(tree)) {}

    bool changes_catalog() const override { return true; }

    Status observe(Context&, Value& before) override {
        RegistryTree current;
        const Status status = read_tree(path(), current);
        if (status.number == ERROR_FILE_NOT_FOUND) {
            before.add("tree", Value());
            return {};
        }
        before.add("tree", to_json(current));
        return status;
    }

    Status apply(Context& context, const Value&) override {
        return tree_ ? write(context, *tree_) : delete_tree(path(), context.points);
    }

    Status undo(Context& context, const Value& before) override {
        const Value* former = before.find("tree");
        if (former == nullptr || former->is_null()) {
            return delete_tree(path(), context.points);
        }
        RegistryTree tree;
        if (Status status = from_json(*former, tree); !status.ok()) {
            return status;
        }
        return write(context, tree);
    }

private:
    std::wstring path() const {
        return key_.empty() ? std::wstring(winsock_parameters) : std::wstring(winsock_parameters) + L"\\" + key_;
    }

    Status write(Context& context, RegistryTree tree) const {
        RegistryTree current;
        if (Status status = read_tree(path(), current); !status.ok() && status.number != ERROR_FILE_NOT_FOUND) {
            return status;
        }
        if (is_catalog(key_)) {
            if (has_catalog_already(tree, current)) {
                return {};
            }
            keep_counters(tree, current);
        }
        if (key_.empty()) {
            for (auto& [name, catalog] : tree.keys) {
                const RegistryTree* old = current.key(name);
                if (!is_catalog(name) || old == nullptr) {
                    continue;
                }
                if (has_catalog_already(catalog, *old)) {
                    catalog = *old;
                } else {
                    keep_counters(catalog, *old);
                }
            }
        }
        return write_tree(path(), tree, context.points);
    }

    std::wstring key_;
    std::optional<RegistryTree> tree_; // none: there is no such key afterwards
};

Status read_key(const Value& source, std::string& key) {
    if (Status status = read_string(source, "key", key); !status.ok()) {
        return status;
    }
    if (key.starts_with('\\') || key.ends_with('\\') || key.find('\0') != std::string::npos) {
        return invalid_plan("key must be relative to WinSock2\\Parameters");
    }
    return {};
}

} // namespace

Status make_delete_registry(const Value& source, std::unique_ptr<Step>& step) {
    std::string key;
    if (Status status = read_key(source, key); !status.ok()) {
        return status;
    }
    const std::wstring first = widen(key.substr(0, key.find('\\')));
    if (key.empty() || is_catalog(first)) {
        return invalid_plan("a catalog cannot be deleted");
    }
    step = std::make_unique<WriteRegistry>(source, widen(key), std::nullopt);
    return {};
}

Status make_write_registry(const Value& source, std::unique_ptr<Step>& step) {
    std::string key;
    if (Status status = read_key(source, key); !status.ok()) {
        return status;
    }
    const Value* member = source.find("tree");
    RegistryTree tree;
    if (Status status = member != nullptr ? from_json(*member, tree) : invalid_plan("tree is missing"); !status.ok()) {
        return status;
    }
    step = std::make_unique<WriteRegistry>(source, widen(key), std::move(tree));
    return {};
}

} // namespace winsock_spi::spi
