#include "leftovers.hpp"

#include <algorithm>

#include "core/json.hpp"
#include "files.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {

Leftovers::Leftovers(std::wstring folder) : file_(std::move(folder) + L"\\leftovers.json") {
    std::string text;
    if (!read_trusted_file(file_, text).ok()) {
        return;
    }
    const std::optional<core::json::Value> value = core::json::parse(text);
    const core::json::Value* items = value ? value->find("items") : nullptr;
    if (items == nullptr || items->array() == nullptr) {
        return;
    }
    for (const core::json::Value& item : *items->array()) {
        if (std::wstring path = text_member(item, "path"); !path.empty()) {
            items_.push_back({std::move(path), flag(item, "folder"), flag(item, "contents")});
        }
    }
}

void Leftovers::note(Item item) {
    forget(item.path);
    items_.push_back(std::move(item));
    changed_ = true;
}

void Leftovers::keep(const std::wstring& path, WritePoints& points) {
    forget(path);
    save(points);
}

void Leftovers::forget(const std::wstring& path) {
    const auto gone =
        std::remove_if(items_.begin(), items_.end(), [&](const Item& item) { return equal_names(item.path, path); });
    changed_ = changed_ || gone != items_.end();
    items_.erase(gone, items_.end());
}

void Leftovers::remove_file(const std::wstring& path, bool put_aside, WritePoints& points) {
    if (delete_file(path, points).ok()) {
        return;
    }
    if (put_aside) {
        // Fails without administrator rights; the next operation tries again in any case.
        points.next();
        MoveFileExW(path.c_str(), nullptr, MOVEFILE_DELAY_UNTIL_REBOOT);
    }
    note({path, false, false});
}

void Leftovers::remove_folder(const std::wstring& path, bool contents, WritePoints& points) {
    if (!delete_folder(path, contents, points).ok()) {
        note({path, true, contents});
    }
}

void Leftovers::retry(WritePoints& points) {
    static_cast<void>(delete_file(file_ + L".new", points)); // of a process that was killed while it wrote the list
    const auto gone = [&](const Item& item) {
        return (item.folder ? delete_folder(item.path, item.contents, points) : delete_file(item.path, points)).ok();
    };
    // Files first: a folder goes when its last file has gone.
    std::stable_partition(items_.begin(), items_.end(), [](const Item& item) { return !item.folder; });
    const auto end = std::remove_if(items_.begin(), items_.end(), gone);
    changed_ = changed_ || end != items_.end();
    items_.erase(end, items_.end());
}

void Leftovers::save(WritePoints& points) {
    if (!changed_) {
        return;
    }
    changed_ = false;
    if (items_.empty()) {
        static_cast<void>(delete_file(file_, points));
        return;
    }
    core::json::Array items;
    for (const Item& item : items_) {
        core::json::Value value;
        value.add("path", narrow(item.path));
        value.add("folder", item.folder);
        value.add("contents", item.contents);
        items.push_back(std::move(value));
    }
    core::json::Value value;
    value.add("items", std::move(items));
    static_cast<void>(replace_private_file(file_, core::json::write(value), points));
}

} // namespace winsock_spi::spi
