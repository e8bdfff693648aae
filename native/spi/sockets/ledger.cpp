#include "ledger.hpp"

#include <cstring>

namespace winsock_spi::spi {

struct Ledger::Page {
    static constexpr std::size_t capacity = 1020;

    LedgerKey key;
    std::uint64_t reserved[2];
    volatile LONG64 entries[capacity];
};

namespace {

constexpr DWORD page_size = 8192;

HANDLE to_handle(std::uint32_t value) {
    return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(value));
}

} // namespace

Status Ledger::make(HANDLE target, const LedgerKey& key, std::uint32_t& handle_there) {
    static_assert(sizeof(Page) == page_size);
    const UniqueHandle section(
        CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, page_size, nullptr));
    if (!section) {
        return last_error("CreateFileMappingW");
    }
    page_ = static_cast<Page*>(MapViewOfFile(section.get(), FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, page_size));
    if (page_ == nullptr) {
        return last_error("MapViewOfFile");
    }
    page_->key = key;
    HANDLE there = nullptr;
    if (!DuplicateHandle(GetCurrentProcess(), section.get(), target, &there, FILE_MAP_READ, FALSE, 0)) {
        const Status status = last_error("DuplicateHandle");
        close();
        return status;
    }
    handle_there =
        static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(there)); // handles fit 32 bits everywhere
    return {};
}

void Ledger::note(std::uint32_t id, std::uint32_t handle) {
    if (page_ != nullptr) {
        const auto entry = static_cast<LONG64>(static_cast<std::uint64_t>(id) << 32 | handle);
        InterlockedExchange64(&page_->entries[id % Page::capacity], entry); // a 32-bit process has no other store of 64
    }
}

Status Ledger::open(std::uint32_t handle, const LedgerKey& key) {
    page_ = static_cast<Page*>(MapViewOfFile(to_handle(handle), FILE_MAP_READ, 0, 0, page_size));
    if (page_ != nullptr && std::memcmp(page_->key.data(), key.data(), key.size()) != 0) {
        close();
    }
    if (page_ == nullptr) {
        return own_error("ERR_BAD_LEDGER", "The other process named a ledger that is none.");
    }
    CloseHandle(to_handle(handle)); // the view stays
    return {};
}

std::vector<std::uint32_t> Ledger::above(std::uint32_t id) const {
    std::vector<std::uint32_t> handles;
    for (std::size_t index = 0; page_ != nullptr && index < Page::capacity; ++index) {
        std::uint64_t entry = 0;
        std::memcpy(&entry, const_cast<const LONG64*>(&page_->entries[index]), sizeof entry);
        if (entry >> 32 > id) {
            handles.push_back(static_cast<std::uint32_t>(entry));
        }
    }
    return handles;
}

void Ledger::close() {
    if (page_ != nullptr) {
        UnmapViewOfFile(page_);
        page_ = nullptr;
    }
}

void close_unclaimed(std::uint32_t handle) {
    if (handle != 0 && GetFileType(to_handle(handle)) == FILE_TYPE_PIPE) { // what Windows calls a socket, too
        CloseHandle(to_handle(handle));
    }
}

} // namespace winsock_spi::spi
