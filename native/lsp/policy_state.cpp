// The policy that is in force, as this process has it; see policy_state.hpp.
#include "policy_state.hpp"

#include "own_identity.hpp"
#include "process_facts.hpp"
#include "spi/nt_registry.hpp"
#include "spi/system_path.hpp"
#include "spi/unique.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::uint64_t retry_after = 1000;             // milliseconds until an unreadable image is tried again
constexpr std::uint64_t ask_again_after = 250;          // ... until the registry is asked again
constexpr std::uint64_t largest_image = 1ull << 30;     // far more than any policy needs

constexpr core::PolicyCall all_calls[] = {core::PolicyCall::connect, core::PolicyCall::bind, core::PolicyCall::listen,
                                          core::PolicyCall::accept, core::PolicyCall::send_to};

// Written by `policy apply` before control.bin, and taken back by `policy clear` and uninstall; so a control file that
// was deleted or damaged opens nothing. Administrators only.
bool registry_says_closed() {
    const spi::UniqueHandle key = spi::open_machine_key(L"SOFTWARE\\winsock-spi");
    DWORD value = 0;
    return key && spi::read_value(key.get(), L"FailClosed", REG_DWORD, &value, sizeof(value)) == sizeof(value) &&
           value != 0;
}

spi::UniqueFile open_image(std::uint32_t generation) {
    spi::PathText path;
    if (!spi::program_data_folder(path)) {
        return {};
    }
    path << L"\\winsock-spi\\policy-" << static_cast<unsigned long>(generation) << L".bin";
    return spi::UniqueFile(path.whole() ? CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE,
                                                      nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr)
                                        : INVALID_HANDLE_VALUE);
}

} // namespace

void PolicyState::initialise(const ControlView& control) {
    const OwnIdentity self; // whoever the thread works for just now
    own_pid_ = GetCurrentProcessId();
    own_start_ = own_start_time();
    closed_.policy_generation.store(unknown_generation);
    closed_.fail_closed.store(1);
    file_ = control.known ? control.file : nullptr;
    // With a generation that is not 0 control.bin is all that counts; a registry that says closed without one means
    // that the file is damaged, or that a policy is just being applied or cleared: lost() looks again.
    const bool sound = file_ != nullptr && file_->policy_generation.load() != 0;
    control_ = sound || !registry_says_closed() ? (file_ != nullptr ? file_ : &nobody_) : &closed_;
    if (in_force()) {
        process_facts(); // now, while the processes it descends from still run
    }
}

bool PolicyState::fail_closed() const {
    return control_.load()->fail_closed.load() != 0 || registry_says_closed();
}

bool PolicyState::exempt() const {
    const core::ControlFile& control = *control_.load(std::memory_order_relaxed);
    return control.controller_pid.load() == own_pid_ && control.controller_start.load() == own_start_;
}

// Whether there still is no control file that says anything, where the registry says closed.
bool PolicyState::lost() {
    constexpr int attempts = 10; // a policy that is just being applied or cleared is so after a few milliseconds
    constexpr DWORD pause = 10;
    const bool first = asked_at_.load() == 0;
    if (!first && GetTickCount64() - asked_at_.load() < ask_again_after &&
        (file_ == nullptr || file_->policy_generation.load() == 0)) {
        return true;
    }
    for (int attempt = 0; attempt < (first && file_ != nullptr ? attempts : 1); ++attempt) {
        if (attempt > 0) {
            Sleep(pause);
        }
        if (file_ != nullptr && file_->policy_generation.load() != 0) {
            control_.store(file_);
            return false;
        }
        if (!registry_says_closed()) {
            control_.store(file_ != nullptr ? file_ : &nobody_);
            return false;
        }
    }
    asked_at_.store(GetTickCount64());
    return true;
}

const MappedPolicy* PolicyState::acquire(bool& closed) {
    closed = false;
    if (control_.load(std::memory_order_relaxed) == &closed_ && lost()) {
        closed = true;
        return nullptr;
    }
    const std::uint32_t wanted = generation();
    if (wanted == 0 || exempt()) {
        return nullptr;
    }
    for (;;) {
        const std::uint32_t number = current_.load();
        if (number == 0) {
            if (replace_current(wanted, true)) {
                continue;
            }
            closed = fail_closed();
            return nullptr;
        }
        MappedPolicy& holder = holders_[number - 1];
        holder.users.fetch_add(1);
        // Only now is it certain that nobody unmaps it: who makes another one current looks at `users` afterwards.
        if (current_.load() == number && (holder.generation == wanted || !replace_current(wanted, false))) {
            return &holder;
        }
        release(&holder);
    }
}

void PolicyState::release(const MappedPolicy* policy) {
    const auto number = static_cast<std::uint32_t>(policy - holders_.data()) + 1;
    if (holders_[number - 1].users.fetch_sub(1) == 1 && current_.load() != number &&
        TryAcquireSRWLockExclusive(&loading_)) {
        sweep();
        ReleaseSRWLockExclusive(&loading_);
    }
}

// True: the current image is another one now. `wait`: there is none at all, so whoever is loading one is waited for.
bool PolicyState::replace_current(std::uint32_t wanted, bool wait) {
    if (failed_generation_.load() == wanted && GetTickCount64() - failed_at_.load() < retry_after) {
        return false;
    }
    if (wait) {
        AcquireSRWLockExclusive(&loading_);
    } else if (!TryAcquireSRWLockExclusive(&loading_)) {
        return false;
    }
    const OwnIdentity self;
    const std::uint32_t number = current_.load();
    bool replaced = number != 0 && (wait || holders_[number - 1].generation == wanted); // by another thread
    if (!replaced) {
        replaced = load(wanted);
        if (!replaced) {
            failed_at_.store(GetTickCount64());
            failed_generation_.store(wanted);
            const std::uint32_t previous = control_.load()->previous_policy_generation.load();
            replaced = number == 0 && previous != 0 && load(previous);
        }
    }
    ReleaseSRWLockExclusive(&loading_);
    return replaced;
}

// With the lock held. False: it cannot be read, and everything is as it was.
bool PolicyState::load(std::uint32_t generation) {
    sweep();
    const std::uint32_t old = current_.load();
    for (std::uint32_t number = 1; number <= holder_count; ++number) {
        MappedPolicy& holder = holders_[number - 1];
        if (number != old && holder.view == nullptr) {
            if (!map(holder, generation)) {
                return false;
            }
            current_.store(number);
            sweep();
            return true;
        }
    }
    return false; // all are being read from: calls that hang in a program's own memory, or threads that were stopped
}

bool PolicyState::map(MappedPolicy& holder, std::uint32_t generation) {
    const spi::UniqueFile file = open_image(generation);
    LARGE_INTEGER size{};
    if (!file || !GetFileSizeEx(file.get(), &size) || size.QuadPart <= 0 ||
        static_cast<std::uint64_t>(size.QuadPart) > largest_image) {
        return false;
    }
    const spi::UniqueHandle section(CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, 0, nullptr));
    const void* const view = section ? MapViewOfFile(section.get(), FILE_MAP_READ, 0, 0, 0) : nullptr;
    if (view == nullptr) {
        return false;
    }
    core::PolicyImage image;
    const std::span bytes(static_cast<const std::byte*>(view), static_cast<std::size_t>(size.QuadPart));
    if (!core::PolicyImage::check(bytes, image) || image.generation() != generation) {
        UnmapViewOfFile(view);
        return false;
    }
    const std::size_t resolved_size = image.resolution_size();
    void* const resolved = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, resolved_size == 0 ? 1 : resolved_size);
    if (resolved == nullptr) {
        UnmapViewOfFile(view);
        return false;
    }
    holder.generation = generation;
    holder.image = image;
    holder.view = view;
    holder.resolved = static_cast<std::byte*>(resolved);
    holder.resolved_size = resolved_size;
    image.resolve(process_facts(), {holder.resolved, resolved_size});
    holder.calls = 0;
    for (const core::PolicyCall call : all_calls) {
        if (image.concerns(holder.resolution(), call)) {
            holder.calls |= static_cast<std::uint32_t>(call);
        }
    }
    return true;
}

// With the lock held: unmaps what is not current and not being read.
void PolicyState::sweep() {
    const std::uint32_t number = current_.load();
    for (MappedPolicy& holder : holders_) {
        const bool current = number != 0 && &holder == &holders_[number - 1];
        if (!current && holder.view != nullptr && holder.users.load() == 0) {
            UnmapViewOfFile(holder.view);
            HeapFree(GetProcessHeap(), 0, holder.resolved);
            holder.view = nullptr;
            holder.resolved = nullptr;
        }
    }
}

} // namespace winsock_spi::lsp
