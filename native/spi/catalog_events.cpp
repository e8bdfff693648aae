#include "catalog_events.hpp"

#include <vector>

#include "system_library.hpp"

namespace winsock_spi::spi {
namespace {

constexpr wchar_t channel[] = L"Microsoft-Windows-Winsock-WS2HELP/Operational";

// Events are a few hundred characters; whoever may write to the channel could make longer ones.
constexpr DWORD longest_event_bytes = 64 * 1024;

} // namespace

CatalogEvents::~CatalogEvents() {
    if (subscription_ != nullptr) {
        functions_.close(subscription_);
    }
}

Status CatalogEvents::load() {
    if (Status status = load_system_library(L"wevtapi.dll", library_); !status.ok()) {
        return status;
    }
    const auto find = [this](auto& function, const char* name) { return find_function(library_, function, name); };
    Status status = find(functions_.subscribe, "EvtSubscribe");
    status = status.ok() ? find(functions_.next, "EvtNext") : status;
    status = status.ok() ? find(functions_.render, "EvtRender") : status;
    status = status.ok() ? find(functions_.close, "EvtClose") : status;
    status = status.ok() ? find(functions_.open_config, "EvtOpenChannelConfig") : status;
    return status.ok() ? find(functions_.config, "EvtGetChannelConfigProperty") : status;
}

// A channel that is switched off can be subscribed to, and says nothing.
Status CatalogEvents::expect_enabled() const {
    const EVT_HANDLE config = functions_.open_config(nullptr, channel, 0);
    if (config == nullptr) {
        return last_error("EvtOpenChannelConfig");
    }
    EVT_VARIANT enabled{};
    DWORD used = 0;
    Status status;
    if (!functions_.config(config, EvtChannelConfigEnabled, 0, sizeof(enabled), &enabled, &used)) {
        status = last_error("EvtGetChannelConfigProperty");
    } else if (enabled.Type != static_cast<DWORD>(EvtVarTypeBoolean) || !enabled.BooleanVal) {
        status = own_error("ERR_CHANNEL_DISABLED", "the event channel is switched off");
    }
    functions_.close(config);
    return status;
}

Status CatalogEvents::open() {
    if (Status status = load(); !status.ok()) {
        return status;
    }
    if (Status status = expect_enabled(); !status.ok()) {
        return status;
    }
    signal_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!signal_) {
        return last_error("CreateEventW");
    }
    subscription_ = functions_.subscribe(nullptr, signal_.get(), channel, nullptr, nullptr, nullptr, nullptr,
                                         static_cast<DWORD>(EvtSubscribeToFutureEvents));
    return subscription_ == nullptr ? last_error("EvtSubscribe") : Status{};
}

std::wstring CatalogEvents::render(EVT_HANDLE event) const {
    DWORD bytes = 0;
    DWORD properties = 0;
    if (functions_.render(nullptr, event, EvtRenderEventXml, 0, nullptr, &bytes, &properties) ||
        GetLastError() != ERROR_INSUFFICIENT_BUFFER || bytes > longest_event_bytes) {
        return {};
    }
    std::vector<wchar_t> text(bytes / sizeof(wchar_t) + 1);
    if (!functions_.render(nullptr, event, EvtRenderEventXml, bytes, text.data(), &bytes, &properties)) {
        return {};
    }
    return text.data(); // the vector ends with a zero whatever was written
}

void CatalogEvents::take(const std::function<void(std::wstring xml)>& event) {
    ResetEvent(signal_.get()); // first: what comes from now on sets it again
    EVT_HANDLE events[8];
    DWORD count = 0;
    while (functions_.next(subscription_, static_cast<DWORD>(std::size(events)), events, 0, 0, &count) && count > 0) {
        for (DWORD index = 0; index < count; ++index) {
            std::wstring xml = render(events[index]);
            functions_.close(events[index]);
            if (!xml.empty()) {
                event(std::move(xml));
            }
        }
    }
}

} // namespace winsock_spi::spi
