// The command that tries out providers in this process, for `winsock-spi doctor`: see spi/inspect.hpp. It may not come
// back from what it tries, so it sees to it that it always ends, without a window and with a last line that says how.
#include "commands.hpp"

#include <atomic>
#include <thread>

#include "output.hpp"
#include "spi/inspect.hpp"
#include "spi/text.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::rescue {
namespace {

using core::json::Value;

// Where the lines go: the standard output that this process was given. The DLLs that it loads get another one, so that
// what they print is not taken for lines of ours.
HANDLE output = nullptr;

void write_line(std::string text) {
    text += "\n";
    DWORD count = 0;
    WriteFile(output, text.data(), static_cast<DWORD>(text.size()), &count, nullptr);
}

bool keep_output() {
    if (!DuplicateHandle(GetCurrentProcess(), GetStdHandle(STD_OUTPUT_HANDLE), GetCurrentProcess(), &output, 0, FALSE,
                         DUPLICATE_SAME_ACCESS)) {
        return false;
    }
    // Never closed: it is these DLLs' for as long as this process lives.
    const HANDLE nowhere =
        CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr);
    SetStdHandle(STD_OUTPUT_HANDLE, nowhere);
    SetStdHandle(STD_ERROR_HANDLE, nowhere);
    return true;
}

LONG CALLBACK crashed(EXCEPTION_POINTERS* exception) {
    const DWORD code = exception->ExceptionRecord->ExceptionCode;
    write_line("{\"crashed\":" + std::to_string(code) + "}");
    TerminateProcess(GetCurrentProcess(), code);
    return EXCEPTION_EXECUTE_HANDLER;
}

// Ends this process when one thing takes too long, wherever its thread hangs.
class Watchdog {
public:
    // False: it cannot watch.
    bool start(std::uint32_t limit) {
        begun_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
        if (!begun_) {
            return false;
        }
        std::thread([this, limit] {
            while (WaitForSingleObject(begun_.get(), limit) == WAIT_OBJECT_0) {
            }
            write_line("{\"hung\":" + std::to_string(thing_) + "}");
            TerminateProcess(GetCurrentProcess(), WAIT_TIMEOUT);
        }).detach();
        return true;
    }

    void begin(std::int64_t thing) {
        thing_ = thing;
        SetEvent(begun_.get());
    }

private:
    spi::UniqueHandle begun_;
    std::atomic<std::int64_t> thing_ = 0;
};

} // namespace

int inspect(const Arguments& arguments) {
    spi::InspectRequest request;
    if (const spi::Status status = spi::parse_inspect_request(spi::narrow(arguments.front()), request); !status.ok()) {
        return report(status, exit_usage);
    }
    static Watchdog watchdog; // its thread never ends
    if (!keep_output() || !watchdog.start(request.limit)) {
        return report(spi::last_error("DuplicateHandle"));
    }
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    SetUnhandledExceptionFilter(crashed);
    spi::inspect(request, [](const Value& line) {
        if (const Value* thing = line.find("begin"); thing != nullptr) {
            watchdog.begin(thing->integer().value_or(0));
        }
        write_line(core::json::write(line));
    });
    // Without a word to the DLLs that were loaded: what they do at the end is not the question.
    TerminateProcess(GetCurrentProcess(), exit_done);
    return exit_done;
}

} // namespace winsock_spi::rescue
