// Port: WM_COPYDATA to a message-only window.
// https://learn.microsoft.com/windows/win32/dataxchg/wm-copydata
#include "window_port.hpp"

namespace winsock_spi::spi {
namespace {

constexpr ULONG_PTR our_kind = 0x69707377; // "wspi" in COPYDATASTRUCT.dwData
constexpr DWORD largest_message = 64 * 1024;
constexpr UINT patience = 2000; // milliseconds for which a receiver may be busy

class CopydataPort final : public WindowPort {
public:
    using WindowPort::WindowPort;

protected:
    bool post(HWND window, HWND own, Bytes bytes, LRESULT& answer) override {
        COPYDATASTRUCT data{};
        data.dwData = our_kind;
        data.cbData = static_cast<DWORD>(bytes.size());
        data.lpData = const_cast<std::uint8_t*>(bytes.data()); // the receiver gets a copy
        DWORD_PTR result = 0;
        SetLastError(ERROR_SUCCESS);
        const bool done =
            SendMessageTimeoutW(window, WM_COPYDATA, reinterpret_cast<WPARAM>(own), reinterpret_cast<LPARAM>(&data),
                                SMTO_ABORTIFHUNG | SMTO_BLOCK, patience, &result) != 0;
        answer = static_cast<LRESULT>(result);
        return done;
    }

    LRESULT handle(Inbox& inbox, UINT message, WPARAM, LPARAM lparam) override {
        if (message != WM_COPYDATA || lparam == 0) {
            return 0;
        }
        const auto* data = reinterpret_cast<const COPYDATASTRUCT*>(lparam);
        if (data->dwData != our_kind || data->cbData == 0 || data->cbData > largest_message ||
            data->lpData == nullptr) {
            return 0;
        }
        if (inbox.full()) {
            return message_refused;
        }
        inbox.deliver({static_cast<const std::uint8_t*>(data->lpData), data->cbData});
        return message_taken;
    }
};

} // namespace

std::unique_ptr<Mechanism> make_copydata_port(const MechanismOptions& options) {
    return std::make_unique<CopydataPort>(L"copydata", options);
}

} // namespace winsock_spi::spi
