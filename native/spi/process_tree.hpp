// This process and everything started from it, followed by a job object: children join the job by themselves, before
// their first instruction, whoever starts them.
//
// The job permits no breakaway. Otherwise the grandchildren of a Node would leave it: libuv puts each child into a job
// of its own that lets go of grandchildren silently, and a breakaway climbs until a job forbids it. The price: a
// process whose nearest job is ours cannot start a child with CREATE_BREAKAWAY_FROM_JOB.
// https://learn.microsoft.com/windows/win32/procthread/nested-jobs
#pragma once

#include "status.hpp"
#include "unique.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace winsock_spi::spi {

class ProcessTree {
public:
    struct Member {
        std::uint32_t pid;
        std::wstring program; // full path; empty if it may not be asked
    };

    // Makes the job and puts this process into it. A process leaves a job only by ending.
    Status join();

    // Whether the process of this id and creation time (FILETIME) belongs, or belonged, to the tree. This process
    // itself does not.
    bool contains(std::uint32_t pid, std::uint64_t start);

    // The members that run now, without this process.
    Status members(std::vector<Member>& out) const;

private:
    void take_notices();
    Status list(std::vector<std::uint32_t>& pids) const; // running members without this process
    std::uint64_t start_of_member(std::uint32_t pid) const; // 0 if it is none, or has ended

    UniqueHandle job_;
    UniqueHandle port_;
    std::uint64_t joined_ = 0; // FILETIME
    std::uint64_t taken_ = 0;  // FILETIME: when the notices were taken the last time
    // Members that were announced, by pid: between which times (FILETIME) each of them began. A pid may come again.
    struct Announced {
        std::uint64_t from;
        std::uint64_t until;
    };
    std::unordered_multimap<std::uint32_t, Announced> announced_;
};

// Creation time (FILETIME) of a process, 0 if it cannot be told.
std::uint64_t process_start(HANDLE process);

// Full path of a process's program, empty if it cannot be told.
std::wstring program_of(HANDLE process);

} // namespace winsock_spi::spi
