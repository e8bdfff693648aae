// Files and folders that should be gone but were in use: listed in <data folder>\leftovers.json and tried again at the
// next operation. Files put aside under a name of their own are also marked for deletion at the next restart; nothing
// else is, because a later installation may have put a new file under a name that was marked.
#pragma once

#include <string>
#include <vector>

#include "status.hpp"
#include "write_points.hpp"

namespace winsock_spi::spi {

class Leftovers {
public:
    // `folder`: the data folder. Reads the list; a list that cannot be read counts as empty.
    explicit Leftovers(std::wstring folder);

    // Removes them, or notes them for later. `put_aside`: the name is of our making and will never be used again.
    void remove_file(const std::wstring& path, bool put_aside, WritePoints& points);
    void remove_folder(const std::wstring& path, bool contents, WritePoints& points);
    // Something is wanted under that name again. On the disk at once: recovery tries what is listed before it looks at
    // what was under way.
    void keep(const std::wstring& path, WritePoints& points);
    bool empty() const { return items_.empty(); }
    // Tries all of them once more.
    void retry(WritePoints& points);
    // Writes the list if it has changed. Where it cannot be written, files stay that nobody needs: no reason to fail.
    void save(WritePoints& points);

private:
    struct Item {
        std::wstring path;
        bool folder;
        bool contents;
    };
    void note(Item item);
    void forget(const std::wstring& path);

    std::wstring file_;
    std::vector<Item> items_;
    bool changed_ = false;
};

} // namespace winsock_spi::spi
