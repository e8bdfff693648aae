// conformance.exe [--list] [WORD...]: runs the cases whose group or name contains one of the words, in the order of the
// files; one line per assertion, then the DLLs that were loaded, so that the caller sees whose Winsock it was; the last
// line is "N passed, N failed, N as Wine". Exit code 0 only if nothing failed, 3 if a case hung.
#include "check.hpp"
#include "child.hpp"

#include <process.h>
#include <psapi.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <set>
#include <vector>

namespace conformance {

namespace {

constexpr DWORD deadline = 20'000;

struct Case {
    std::string group;
    std::string name;
    Body body;
    std::string file;
    unsigned line;
};

// A case that cannot go on.
struct EndCase {};

std::string file_name(const char* path) {
    const std::string_view whole = path;
    const std::size_t slash = whole.find_last_of("/\\");
    return std::string(slash == std::string_view::npos ? whole : whole.substr(slash + 1));
}

std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}

// What has been asserted so far. Cases may assert from threads of their own.
class Results {
public:
    void begin(const Case& now) {
        const std::lock_guard guard(mutex_);
        prefix_ = now.group + " / " + now.name;
        last_ = now.file + ":" + std::to_string(now.line);
        before_ = passed_ + failed_ + wine_;
    }

    void end() {
        const std::lock_guard guard(mutex_);
        if (passed_ + failed_ + wine_ == before_) {
            fail(prefix_ + ": nothing was asserted");
        }
        std::fflush(stdout);
    }

    bool add(std::string_view text, const std::string& actual, const std::string& expected, const std::string* wine,
             std::string_view evidence, const Location& location) {
        const std::lock_guard guard(mutex_);
        last_ = file_name(location.file_name()) + ":" + std::to_string(location.line());
        const std::string id = prefix_ + " / " + std::string(text);
        if (!ids_.insert(id).second) {
            fail(id + ": duplicate id");
            return false;
        }
        if (actual == expected) {
            ++passed_;
            std::printf("ok %s\n", id.c_str());
            return true;
        }
        if (wine != nullptr && actual == *wine && under_wine()) {
            ++wine_;
            std::printf("wine %s: got %s, Windows %s: %.*s\n", id.c_str(), actual.c_str(), expected.c_str(),
                        static_cast<int>(evidence.size()), evidence.data());
            return false;
        }
        fail(id + ": got " + actual + ", expected " + expected + " (" + last_ + ")");
        return false;
    }

    void fail_case(const std::string& what) {
        const std::lock_guard guard(mutex_);
        fail(prefix_ + ": " + what);
    }

    [[noreturn]] void hung() {
        const std::lock_guard guard(mutex_);
        fail(prefix_ + ": hung at " + last_);
        print();
        TerminateProcess(GetCurrentProcess(), 3);
        std::abort();
    }

    int finish() {
        const std::lock_guard guard(mutex_);
        print();
        return failed_ == 0 ? 0 : 1;
    }

private:
    void fail(const std::string& line) {
        ++failed_;
        std::printf("not ok %s\n", line.c_str());
    }

    void print() {
        std::printf("%u passed, %u failed, %u as Wine\n", passed_, failed_, wine_);
        std::fflush(stdout);
    }

    std::mutex mutex_;
    std::string prefix_;
    std::string last_;
    std::set<std::string> ids_;
    unsigned passed_ = 0;
    unsigned failed_ = 0;
    unsigned wine_ = 0;
    unsigned before_ = 0;
};

Results& results() {
    static Results all;
    return all;
}

unsigned __stdcall run_body(void* parameter) {
    try {
        static_cast<const Case*>(parameter)->body();
    } catch (const EndCase&) {
        // told already
    } catch (const std::exception& error) {
        results().fail_case(error.what());
    }
    return 0;
}

// On a thread of its own, so that every case finds a last error, an APC queue and thread options nobody has touched.
void run(Case& now) {
    results().begin(now);
    const auto thread = reinterpret_cast<HANDLE>(_beginthreadex(nullptr, 0, run_body, &now, 0, nullptr));
    if (thread == nullptr) {
        results().fail_case("no thread");
        return;
    }
    if (WaitForSingleObject(thread, deadline) != WAIT_OBJECT_0) {
        results().hung();
    }
    CloseHandle(thread);
    results().end();
}

void print_modules() {
    HMODULE modules[256];
    DWORD size = 0;
    if (!EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &size)) {
        return;
    }
    std::printf("modules:");
    for (DWORD index = 0; index < std::min<DWORD>(size / sizeof(HMODULE), 256); ++index) {
        char path[MAX_PATH] = "";
        GetModuleFileNameA(modules[index], path, MAX_PATH);
        std::printf(" %s", file_name(path).c_str());
    }
    std::printf("\n");
}

bool wanted(const Case& candidate, const std::vector<std::string>& words) {
    const std::string whole = candidate.group + " / " + candidate.name;
    return words.empty() || std::any_of(words.begin(), words.end(),
                                        [&](const std::string& word) { return whole.find(word) != std::string::npos; });
}

} // namespace

Registration::Registration(const char* group, const char* name, Body body, Location location) {
    cases().push_back({group, name, body, file_name(location.file_name()), location.line()});
}

bool under_wine() {
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

namespace detail {

std::string text_of(long long value) {
    return std::to_string(value);
}

std::string text_of(unsigned long long value) {
    return std::to_string(value);
}

std::string text_of(std::string_view value) {
    return "\"" + std::string(value) + "\"";
}

bool record(std::string_view text, const std::string& actual, const std::string& expected, const std::string* wine,
            std::string_view evidence, const Location& location) {
    return results().add(text, actual, expected, wine, evidence, location);
}

std::string outcome(bool failed, int error) {
    return failed ? "error " + std::to_string(error) : "success";
}

} // namespace detail

namespace {

bool expect(std::string_view text, bool failed, int error, const OnWine<int>* wine, const Location& location) {
    const int last = WSAGetLastError();
    const std::string accepted = wine != nullptr ? detail::outcome(wine->value != succeeded, wine->value) : "";
    const bool as_documented =
        detail::record(text, detail::outcome(failed, last), detail::outcome(error != succeeded, error),
                       wine != nullptr ? &accepted : nullptr, wine != nullptr ? wine->evidence : "", location);
    WSASetLastError(last); // the next assertion may be about it
    return as_documented;
}

bool expect_socket(std::string_view text, SOCKET result, int error, const OnWine<int>* wine, const Location& location) {
    const bool as_documented = expect(text, result == INVALID_SOCKET, error, wine, location);
    if (error != succeeded && result != INVALID_SOCKET) {
        closesocket(result);
    }
    return as_documented;
}

} // namespace

bool succeeds(std::string_view text, int result, Location location) {
    return expect(text, result == SOCKET_ERROR, succeeded, nullptr, location);
}

bool succeeds(std::string_view text, int result, const OnWine<int>& wine, Location location) {
    return expect(text, result == SOCKET_ERROR, succeeded, &wine, location);
}

bool fails(std::string_view text, int result, int error, Location location) {
    return expect(text, result == SOCKET_ERROR, error, nullptr, location);
}

bool fails(std::string_view text, int result, int error, const OnWine<int>& wine, Location location) {
    return expect(text, result == SOCKET_ERROR, error, &wine, location);
}

bool succeeds_socket(std::string_view text, SOCKET result, Location location) {
    return expect_socket(text, result, succeeded, nullptr, location);
}

bool fails_socket(std::string_view text, SOCKET result, int error, Location location) {
    return expect_socket(text, result, error, nullptr, location);
}

bool fails_socket(std::string_view text, SOCKET result, int error, const OnWine<int>& wine, Location location) {
    return expect_socket(text, result, error, &wine, location);
}

bool succeeds_bool(std::string_view text, BOOL result, Location location) {
    return expect(text, !result, succeeded, nullptr, location);
}

bool fails_bool(std::string_view text, BOOL result, int error, Location location) {
    return expect(text, !result, error, nullptr, location);
}

bool fails_bool(std::string_view text, BOOL result, int error, const OnWine<int>& wine, Location location) {
    return expect(text, !result, error, &wine, location);
}

void require(std::string_view text, bool condition, Location location) {
    if (condition) {
        return;
    }
    const std::string last = std::to_string(WSAGetLastError());
    detail::record(text, "not so, last error " + last, "so", nullptr, {}, location);
    throw EndCase{};
}

} // namespace conformance

int main(int argc, char** argv) {
    using namespace conformance;
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == child_argument) {
        return run_child({words.begin() + 1, words.end()});
    }
    const bool list = std::erase(words, "--list") > 0;
    std::sort(cases().begin(), cases().end(),
              [](const Case& a, const Case& b) { return std::pair(a.file, a.line) < std::pair(b.file, b.line); });
    WSADATA data{};
    if (!list && WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        std::printf("not ok WSAStartup\n");
        return 2;
    }
    for (Case& now : cases()) {
        if (!wanted(now, words)) {
            continue;
        }
        if (list) {
            std::printf("%s:%u: %s / %s\n", now.file.c_str(), now.line, now.group.c_str(), now.name.c_str());
        } else {
            run(now);
        }
    }
    if (list) {
        return 0;
    }
    print_modules();
    const int code = results().finish();
    WSACleanup();
    return code;
}
