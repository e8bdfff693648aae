// Tests the catalog functions of ws2_32.dll: every documented result and error, what each does to the registry, and
// that several processes may write at once. Puts the registry back as it found it.
//
//   host_catalog [options] GROUP...               documented, damage, chains, categories, namespaces, notifications;
//                                                 the first two if none is named
//   host_catalog [options] tests [...]            the same without the parent process that puts things back
//   host_catalog [options] writer FIRST COUNT     a child of the test of several writers
//   host_catalog [options] layer install|remove   what an installer does with WSCInstallProviderAndChains(64_32)
//   host_catalog [options] permit FILE CATEGORIES what WSCSetApplicationCategory does
//   host_catalog socket ...                       a program that opens a socket: see show_socket
// Options: --dll PATH (the Winsock DLL), --provider64 PATH and --provider32 PATH (chain_provider.dll; for the groups
// `chains` and `categories`, and `layer`), --other PATH (this program in the other bitness, for `notifications`).
//
// All but `damage` hold on real Windows too (as administrator, with no other provider installed meanwhile). `damage`
// writes nonsense into the registry; what Windows makes of it is not documented, so on real Windows it only says that
// it is skipped. Output: `ok ...` and `not ok ...` lines, at
// last `N passed, N failed`. Exit code 0 if nothing failed, 2 if the DLL cannot be loaded.
//
// The tests run in a child process: if they crash or hang, the parent still puts the registry back.
#include "host_catalog/catalog_api.hpp"
#include "host_catalog/category_checks.hpp"
#include "host_catalog/chain_checks.hpp"
#include "host_catalog/checks.hpp"
#include "host_catalog/damage_checks.hpp"
#include "host_catalog/enumerate_checks.hpp"
#include "host_catalog/install_checks.hpp"
#include "host_catalog/namespace_checks.hpp"
#include "host_catalog/namespace_damage_checks.hpp"
#include "host_catalog/notification_checks.hpp"
#include "host_catalog/order_checks.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace {

// Installs COUNT providers one by one and removes them again, as one of several that do so.
int write_many(const WinsockDll& dll, unsigned first, unsigned count) {
    const CatalogFunctions own = dll.own();
    const WSAPROTOCOL_INFOW info = make_info(L"one of many", {});
    for (unsigned number = first; number < first + count; ++number) {
        GUID id = test_guid(number);
        const int error = error_of(dll.install(), &id, test_path, &info, 1);
        if (error != 0) {
            std::fprintf(stderr, "install %u: error %d\n", number, error);
            return 1;
        }
    }
    for (unsigned number = first; number < first + count; number += 2) { // every second one goes again
        GUID id = test_guid(number);
        const int error = error_of(own.deinstall, &id);
        if (error != 0) {
            std::fprintf(stderr, "deinstall %u: error %d\n", number, error);
            return 1;
        }
    }
    return 0;
}

void check_many_writers(Checks& checks, const WinsockDll& dll, const std::wstring& dll_path, ParametersGuard& guard) {
    constexpr unsigned writers = 4;
    constexpr unsigned each = 6;
    checks.section("four processes that install and remove at once");
    const CatalogFunctions own = dll.own();
    const std::size_t before = enumerate(own).size();
    wchar_t program[MAX_PATH];
    GetModuleFileNameW(nullptr, program, MAX_PATH);
    HANDLE processes[writers] = {};
    unsigned started = 0;
    for (unsigned writer = 0; writer < writers; ++writer) {
        std::wstring command = L"\"" + std::wstring(program) + L"\" --dll \"" + dll_path + L"\" writer " +
                               std::to_wstring(1000 + writer * each) + L" " + std::to_wstring(each);
        STARTUPINFOW startup{};
        startup.cb = sizeof(startup);
        PROCESS_INFORMATION process{};
        if (CreateProcessW(nullptr, command.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup, &process)) {
            CloseHandle(process.hThread);
            processes[started++] = process.hProcess;
        }
    }
    checks.equal("all start", started, writers);
    bool always_whole = true;
    do {
        int error = 0;
        const std::size_t now = enumerate(own, &error).size();
        always_whole = always_whole && error == 0 && now >= before && now <= before + writers * each;
    } while (WaitForMultipleObjects(started, processes, TRUE, 0) == WAIT_TIMEOUT);
    checks.is_true("a reader always sees a whole catalog", always_whole);
    for (unsigned index = 0; index < started; ++index) {
        DWORD code = 1;
        GetExitCodeProcess(processes[index], &code);
        CloseHandle(processes[index]);
        checks.equal("writer " + std::to_string(index) + " succeeds", code, 0u);
    }
    const Infos after = enumerate(own);
    checks.equal("half of their entries are there", after.size(), before + writers * each / 2);
    const std::vector<DWORD> ids = ids_of(after);
    checks.equal("no id is given twice", std::set<DWORD>(ids.begin(), ids.end()).size(), ids.size());
    checks.equal("the keys are 1 to count", counted_keys(own), static_cast<int>(after.size()));
    for (unsigned number = 1000; number < 1000 + writers * each; ++number) {
        GUID id = test_guid(number);
        if (number % 2 != 0) {
            checks.equal("provider " + std::to_string(number) + " can be removed", error_of(own.deinstall, &id), 0);
        }
    }
    checks.is_true("and nothing is left", without_counters(read_parameters()) == without_counters(guard.before()));
}

void check_documented(Checks& checks, const WinsockDll& dll, const std::wstring& dll_path, ParametersGuard& guard) {
    const CatalogFunctions own = dll.own();
    const CatalogFunctions other = dll.other();
    checks.section("exports");
    const bool is64 = sizeof(void*) == 8;
    const bool has_other = other.enumerate != nullptr && other.path != nullptr && other.update != nullptr &&
                           other.deinstall != nullptr && other.order != nullptr && dll.install_both() != nullptr;
    checks.equal("the functions for the 32-bit catalog are there in the 64-bit DLL, and only there", has_other, is64);
    check_enumeration(checks, own);
    check_provider_path(checks, own);
    check_install(checks, dll);
    check_install_arguments(checks, "arguments of WSCInstallProvider", dll.install(), test_guid(8),
                            make_info(L"arguments", {}));
    check_long_path(checks, dll);
    check_update(checks, own, dll.install());
    check_order(checks, own);
    if (has_other) {
        check_enumeration(checks, other);
        check_provider_path(checks, other);
        check_install_arguments(checks, "arguments of WSCInstallProvider64_32", dll.install_both(), test_guid(9),
                                make_info(L"arguments", {}));
        check_both_catalogs(checks, dll);
        check_order(checks, other);
        check_update(checks, other, dll.install_both());
        guard.restore(); // the 64-bit halves of what was updated in the 32-bit catalog
    }
    check_program_view(checks, dll);
    check_many_writers(checks, dll, dll_path, guard);
    checks.section("at the end");
    checks.is_true("the registry is as found, but for serial number and next id",
                   without_counters(read_parameters()) == without_counters(guard.before()));
}

struct Options {
    std::wstring dll = L"ws2_32.dll";
    ProviderFiles providers;
    std::wstring other;
    std::vector<std::string> words;

    bool named(const char* word) const { return std::find(words.begin(), words.end(), word) != words.end(); }
};

// A file's name may be any: it is taken from the wide command line.
Options read_options(int count, wchar_t** arguments) {
    Options options;
    int index = 1;
    for (; index + 1 < count; index += 2) {
        const std::wstring option = arguments[index];
        std::wstring* place = option == L"--dll"          ? &options.dll
                              : option == L"--provider64" ? &options.providers.x64
                              : option == L"--provider32" ? &options.providers.x86
                              : option == L"--other"      ? &options.other
                                                          : nullptr;
        if (place == nullptr) {
            break;
        }
        *place = arguments[index + 1];
    }
    for (; index < count; ++index) {
        std::string word;
        for (const wchar_t* unit = arguments[index]; *unit != 0; ++unit) {
            word += static_cast<char>(*unit);
        }
        options.words.push_back(word);
    }
    return options;
}

const GUID layer_guid = test_guid(0x3F0);

int change_layer(const WinsockDll& dll, const Options& options, bool install) {
    const bool both = sizeof(void*) == 8;
    int error = 0;
    if (install) {
        error = ChainInstaller(dll, options.providers, both)({.provider = &layer_guid, .name = L"a layer of tests"});
    } else {
        error = remove_layer(dll.own(), layer_guid);
        if (error == 0 && both) {
            error = remove_layer(dll.other(), layer_guid);
        }
    }
    std::printf("error %d\n", error);
    return error == 0 ? 0 : 1;
}

// Runs this program again with `tests` before its groups, and puts the registry back afterwards.
int run_in_child(const Options& options, const std::wstring& groups) {
    constexpr DWORD patience_ms = 120'000;
    ParametersGuard guard;
    wchar_t program[MAX_PATH];
    GetModuleFileNameW(nullptr, program, MAX_PATH);
    std::wstring command = L"\"" + std::wstring(program) + L"\" --dll \"" + options.dll + L"\" --provider64 \"" +
                           options.providers.x64 + L"\" --provider32 \"" + options.providers.x86 + L"\" --other \"" +
                           options.other + L"\" tests" + groups;
    STARTUPINFOW startup{};
    startup.cb = sizeof(startup);
    PROCESS_INFORMATION process{};
    if (!CreateProcessW(nullptr, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup, &process)) {
        std::fprintf(stderr, "cannot start the tests: error %lu\n", GetLastError());
        return 2;
    }
    DWORD code = 1;
    if (WaitForSingleObject(process.hProcess, patience_ms) != WAIT_OBJECT_0) {
        TerminateProcess(process.hProcess, 1);
        WaitForSingleObject(process.hProcess, INFINITE);
        std::printf("not ok the tests end in time\n0 passed, 1 failed\n");
    } else if (GetExitCodeProcess(process.hProcess, &code); code > 2) {
        std::printf("not ok the tests do not crash: exit code 0x%lX\n0 passed, 1 failed\n", code);
        code = 1;
    }
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return static_cast<int>(code);
}

bool is_wine() {
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

int run_tests(const WinsockDll& dll, const Options& options, bool documented, bool damage) {
    Checks checks;
    {
        ParametersGuard guard;
        if (documented) {
            check_documented(checks, dll, options.dll, guard);
        }
        if (options.named("chains")) {
            check_chain_functions(checks, dll, options.providers, is_wine());
        }
        if (options.named("categories")) {
            check_categories(checks, dll, options.providers, guard);
        }
        if (options.named("namespaces")) {
            check_namespaces(checks, dll);
        }
        if (options.named("notifications")) {
            check_notifications(checks, dll, options.other);
        }
        if (damage && is_wine()) {
            check_damage(checks, dll, guard);
            check_new_damage(checks, dll, options.providers, guard);
        } else if (damage) {
            std::puts("skipped damage: only the host side under Wine says what it does with it");
        }
    }
    return checks.finish();
}

} // namespace

int wmain(int count, wchar_t** arguments) {
    const Options options = read_options(count, arguments);
    if (!options.words.empty() && options.words[0] == "socket") {
        return show_socket();
    }
    constexpr const char* groups[] = {"documented", "damage", "chains", "categories", "namespaces", "notifications"};
    std::wstring chosen;
    for (const char* group : groups) {
        if (options.named(group)) {
            chosen += L" " + std::wstring(group, group + std::strlen(group));
        }
    }
    constexpr const char* commands[] = {"tests", "writer", "layer", "permit"};
    if (std::none_of(std::begin(commands), std::end(commands),
                     [&](const char* command) { return options.named(command); })) {
        return run_in_child(options, chosen.empty() ? L" documented damage" : chosen);
    }
    const WinsockDll dll{LoadLibraryW(options.dll.c_str())};
    if (dll.module == nullptr) {
        std::fprintf(stderr, "cannot load the Winsock DLL: error %lu\n", GetLastError());
        return 2;
    }
    const std::vector<std::string>& words = options.words;
    if (words.size() == 3 && words[0] == "writer") {
        return write_many(dll, static_cast<unsigned>(std::stoul(words[1])),
                          static_cast<unsigned>(std::stoul(words[2])));
    }
    if (words.size() == 2 && words[0] == "layer") {
        return change_layer(dll, options, words[1] == "install");
    }
    if (words.size() == 3 && words[0] == "permit") {
        const int error = Applications(dll).set(arguments[count - 2], L"", std::stoul(words[2], nullptr, 16));
        std::printf("error %d\n", error);
        return error == 0 ? 0 : 1;
    }
    return run_tests(dll, options, options.named("documented"), options.named("damage"));
}
