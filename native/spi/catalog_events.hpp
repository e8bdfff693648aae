// The events of the channel Microsoft-Windows-Winsock-WS2HELP/Operational: who installed or removed a provider. Windows
// keeps them; where there is no event log, or the channel is switched off, there are none.
// https://learn.microsoft.com/windows/win32/winsock/winsock-layered-service-provider-tracing-event-details
#pragma once

#include <functional>
#include <string>

#include "status.hpp"
#include "unique.hpp"

#include <winevt.h>

namespace winsock_spi::spi {

class CatalogEvents {
public:
    CatalogEvents() = default;
    CatalogEvents(const CatalogEvents&) = delete;
    CatalogEvents& operator=(const CatalogEvents&) = delete;
    ~CatalogEvents();

    // Events from now on. Fails where they cannot be had.
    Status open();
    bool is_open() const { return subscription_ != nullptr; }
    // Set when there is something to take.
    HANDLE signal() const { return signal_.get(); }
    // Gives what has come, each as the XML that Windows makes of it.
    void take(const std::function<void(std::wstring xml)>& event);

private:
    struct Functions {
        decltype(&::EvtSubscribe) subscribe = nullptr;
        decltype(&::EvtNext) next = nullptr;
        decltype(&::EvtRender) render = nullptr;
        decltype(&::EvtClose) close = nullptr;
        decltype(&::EvtOpenChannelConfig) open_config = nullptr;
        decltype(&::EvtGetChannelConfigProperty) config = nullptr;
    };

    Status load();
    Status expect_enabled() const;
    std::wstring render(EVT_HANDLE event) const;

    UniqueModule library_;
    UniqueHandle signal_;
    Functions functions_;
    EVT_HANDLE subscription_ = nullptr;
};

} // namespace winsock_spi::spi
