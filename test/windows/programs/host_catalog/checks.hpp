// Assertions of a test program: one line each on stdout, `ok NAME` or `not ok NAME: WHY`, and the sum at the end.
#pragma once

#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>

class Checks {
public:
    // Names of the assertions that follow begin with this.
    void section(std::string name) { section_ = std::move(name); }

    void is_true(std::string_view name, bool value) { report(name, value, "it is not so"); }

    template <class Actual, class Expected>
    void equal(std::string_view name, const Actual& actual, const Expected& expected) {
        std::ostringstream why;
        why << "expected " << expected << ", was " << actual;
        report(name, actual == expected, why.str());
    }

    // The last line of the program's output; the exit code says the same.
    int finish() const {
        std::printf("%d passed, %d failed\n", passed_, failed_);
        std::fflush(stdout);
        return failed_ == 0 ? 0 : 1;
    }

private:
    void report(std::string_view name, bool good, const std::string& why) {
        const std::string full = section_ + ": " + std::string(name);
        if (good) {
            ++passed_;
            std::printf("ok %s\n", full.c_str());
        } else {
            ++failed_;
            std::printf("not ok %s: %s\n", full.c_str(), why.c_str());
        }
        std::fflush(stdout);
    }

    std::string section_;
    int passed_ = 0;
    int failed_ = 0;
};
