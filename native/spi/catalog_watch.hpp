// Tells of changes of the Winsock catalogs as they happen, by whatever program: WSAProviderConfigChange where Winsock
// can start, a notification of the registry in any case, and on Windows the events of the channel
// Microsoft-Windows-Winsock-WS2HELP/Operational, which name the program that made a change. Nothing is polled.
// https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaproviderconfigchange
// https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regnotifychangekeyvalue
// https://learn.microsoft.com/windows/win32/winsock/winsock-layered-service-provider-tracing-event-details
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "status.hpp"

namespace winsock_spi::spi {

// What told of a change first.
enum class ChangeSource { registry, winsock };

// Called on the watch's own thread.
class CatalogWatchSink {
public:
    virtual ~CatalogWatchSink() = default;
    // The catalogs were written to, and no writer is at work on them now. `filetime`: when the first sign came.
    virtual void changed(ChangeSource source, std::uint64_t filetime) noexcept = 0;
    // An event of the channel, as the XML that Windows makes of it.
    virtual void event(std::wstring xml) noexcept = 0;
    // The watch cannot go on; nothing comes after this.
    virtual void failed(const Status& status) noexcept = 0;
};

// Which ways of being told there are on this machine.
struct CatalogWatchWays {
    bool winsock = false;
    bool events = false;
};

class CatalogWatch {
public:
    // Watches from the moment when this returns. The sink must outlive the watch.
    static Status open(CatalogWatchSink& sink, std::unique_ptr<CatalogWatch>& watch);
    CatalogWatch(const CatalogWatch&) = delete;
    CatalogWatch& operator=(const CatalogWatch&) = delete;
    // Afterwards the sink is not called any more.
    ~CatalogWatch();

    CatalogWatchWays ways() const;

private:
    class Impl;
    explicit CatalogWatch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace winsock_spi::spi
