// What a child process inherits: a list of handles, instead of everything inheritable that this process happens to
// have.
#pragma once

#include <cstddef>
#include <vector>

#include "status.hpp"
#include "win32.hpp"

namespace winsock_spi::spi {

// Something else that CreateProcess is told by its attribute list.
struct StartAttribute {
    DWORD_PTR attribute;
    void* value;
    std::size_t size;
};

// A list of the handles that a child process inherits.
class InheritedHandles {
public:
    Status open(HANDLE* handles, std::size_t count, const std::vector<StartAttribute>& more = {}) {
        const DWORD attributes = static_cast<DWORD>(1 + more.size());
        SIZE_T size = 0;
        InitializeProcThreadAttributeList(nullptr, attributes, 0, &size);
        memory_.resize(size);
        auto* list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
        if (!InitializeProcThreadAttributeList(list, attributes, 0, &size)) {
            return last_error("InitializeProcThreadAttributeList");
        }
        list_ = list;
        if (!UpdateProcThreadAttribute(list_, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles, count * sizeof(HANDLE),
                                       nullptr, nullptr)) {
            return last_error("UpdateProcThreadAttribute");
        }
        for (const StartAttribute& one : more) {
            if (!UpdateProcThreadAttribute(list_, 0, one.attribute, one.value, one.size, nullptr, nullptr)) {
                return last_error("UpdateProcThreadAttribute");
            }
        }
        return {};
    }
    ~InheritedHandles() {
        if (list_ != nullptr) {
            DeleteProcThreadAttributeList(list_);
        }
    }
    LPPROC_THREAD_ATTRIBUTE_LIST get() const { return list_; }

private:
    std::vector<unsigned char> memory_;
    LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
};

} // namespace winsock_spi::spi
