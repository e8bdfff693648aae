// The little that the unit tests and fuzzers of native/core share. A test program is a main that runs named tests and
// returns check::result(); a fuzzer reads its options, prints its seed, and loops until its time is over.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

namespace check {

inline int failed_tests = 0;
inline bool current_failed = false;

template <typename Test>
void run(const char* name, Test test) {
    current_failed = false;
    test();
    std::printf("%s %s\n", current_failed ? "not ok" : "ok", name);
    std::fflush(stdout);
    failed_tests += current_failed ? 1 : 0;
}

inline int result() {
    return failed_tests == 0 ? 0 : 1;
}

inline void fail(const char* file, int line, const char* what) {
    std::printf("# %s:%d: %s\n", file, line, what);
    current_failed = true;
}

struct FuzzOptions {
    double seconds = 3;
    std::uint64_t runs = 0; // not 0: that many inputs, however long they take
    std::uint64_t seed = std::random_device{}();
};

// --seconds N | --runs N, --seed S
inline FuzzOptions fuzz_options(int argc, char** argv) {
    FuzzOptions options;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::strcmp(argv[i], "--seconds") == 0) {
            options.seconds = std::strtod(argv[i + 1], nullptr);
        } else if (std::strcmp(argv[i], "--runs") == 0) {
            options.runs = std::strtoull(argv[i + 1], nullptr, 10);
        } else if (std::strcmp(argv[i], "--seed") == 0) {
            options.seed = std::strtoull(argv[i + 1], nullptr, 10);
        }
    }
    return options;
}

// Calls `once(random)` until time or count is over, at least once; prints seed and count.
template <typename Once>
int fuzz(const char* name, const FuzzOptions& options, Once once) {
    std::printf("# %s seed %llu\n", name, static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    std::mt19937_64 random(options.seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(options.seconds);
    std::uint64_t count = 0;
    do {
        once(random);
        ++count;
    } while (!current_failed && (options.runs != 0 ? count < options.runs : std::chrono::steady_clock::now() < end));
    std::printf("%s %s: %llu inputs, seed %llu\n", current_failed ? "not ok" : "ok", name,
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(options.seed));
    return current_failed ? 1 : 0;
}

} // namespace check

#define CHECK(condition) ((condition) ? void() : check::fail(__FILE__, __LINE__, #condition))
