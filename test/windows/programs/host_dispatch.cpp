// Tests how ws2_32.dll goes between programs and providers: starting and stopping, loading, whose a handle is, the
// upcalls, errors, and the calls it does more for than pass on. A strange provider of its own (host_strange.dll) shows
// what reaches a provider, and does what good providers do not.
//
//   host_dispatch STRANGE.DLL [STRANGE.DLL of the other bitness]
//   host_dispatch tests STRANGE.DLL [...]                   without the parent process that puts the registry back
//
// The strange provider's entries are for triplets that nobody else uses, and are gone at the end. The tests run in a
// child process: if they crash or hang, the parent still puts the registry back. Output: `ok ...` and `not ok ...`
// lines, at last `N passed, N failed`. Exit code 0 if nothing failed.
#include "host_dispatch/call_checks.hpp"
#include "host_dispatch/error_checks.hpp"
#include "host_dispatch/handle_checks.hpp"
#include "host_dispatch/loading_checks.hpp"
#include "host_dispatch/startup_checks.hpp"
#include "host_dispatch/thread_checks.hpp"
#include "host_dispatch/upcall_checks.hpp"
#include "host_catalog/registry_snapshot.hpp"

namespace {

std::wstring full_path(const std::wstring& path) {
    wchar_t full[MAX_PATH];
    const DWORD length = GetFullPathNameW(path.c_str(), MAX_PATH, full, nullptr);
    return std::wstring(full, length);
}

int run_tests(const std::wstring& dll, const std::wstring& other_dll) {
    Checks checks;
    Strange strange(dll);
    try {
        check_last_error(checks);
        check_versions(checks);
        check_not_started(checks);
        check_one_dll(checks);
        check_counting(checks, strange);
        check_loading(checks, strange, other_dll);
        check_sharing(checks, strange);
        check_choice(checks, strange);
        check_errors(checks, strange);
        check_unknown_handles(checks);
        check_reuse(checks, strange);
        check_accepted(checks, strange, Mode::layer, "a layered provider");
        check_accepted(checks, strange, Mode::layer_silent, "a layered provider that claims no accepted socket");
        check_duplicates(checks);
        check_upcalls(checks, strange);
        check_select(checks, strange);
        check_open_type(checks, strange);
        check_connect_by(checks);
        check_text(checks);
        check_old_programs(checks);
        check_mswsock(checks);
        check_routines(checks, strange);
        check_threads(checks);
    } catch (const std::exception& error) {
        checks.equal("the tests come to their end", std::string(error.what()), "");
    }
    return checks.finish();
}

int run_in_child(const std::wstring& arguments) {
    constexpr DWORD patience_ms = 120'000;
    const ParametersGuard guard;
    wchar_t program[MAX_PATH];
    GetModuleFileNameW(nullptr, program, MAX_PATH);
    const program::Child child = program::start(L"\"" + std::wstring(program) + L"\" tests" + arguments, true);
    if (WaitForSingleObject(child.process.get(), patience_ms) != WAIT_OBJECT_0) {
        TerminateProcess(child.process.get(), 1);
        WaitForSingleObject(child.process.get(), INFINITE);
        std::printf("not ok the tests end in time\n0 passed, 1 failed\n");
        return 1;
    }
    DWORD code = 1;
    GetExitCodeProcess(child.process.get(), &code);
    if (code > 1) {
        std::printf("not ok the tests do not crash: exit code 0x%lX\n0 passed, 1 failed\n", code);
    }
    return code == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
    std::vector<std::wstring> words;
    for (int index = 1; index < count; ++index) {
        const std::string word = arguments[index];
        words.emplace_back(word.begin(), word.end());
    }
    const bool tests = !words.empty() && words[0] == L"tests";
    if (tests) {
        words.erase(words.begin());
    }
    if (words.empty()) {
        std::fprintf(stderr, "usage: host_dispatch STRANGE.DLL [STRANGE.DLL of the other bitness]\n");
        return 2;
    }
    if (!tests) {
        std::wstring quoted;
        for (const std::wstring& word : words) {
            quoted += L" " + program::quoted(word);
        }
        return run_in_child(quoted);
    }
    return run_tests(full_path(words[0]), words.size() > 1 ? full_path(words[1]) : L"");
}
