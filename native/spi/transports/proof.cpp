#include "proof.hpp"

#include <cstring>

namespace winsock_spi::spi {
namespace {

constexpr char proof_magic[16] = {'w', 'i', 'n', 's', 'o', 'c', 'k', '-', 's', 'p', 'i', ' ', 'p', 'i', 'd', '1'};

struct ProofMemory {
    char magic[16];
    std::uint32_t verifier;
    std::uint32_t prover;
    std::uint8_t secret[secret_size];
};

struct ViewTraits {
    using type = void*;
    static type invalid() { return nullptr; }
    static void close(type value) { UnmapViewOfFile(value); }
};

HANDLE as_handle(std::uint32_t number) {
    return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(number));
}

} // namespace

Status Proof::open(std::uint32_t pid, const Secret& secret) {
    const std::string whom = "process " + std::to_string(pid);
    process_.reset(OpenProcess(PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, pid));
    if (!process_) {
        return last_error("OpenProcess", "open " + whom + " with PROCESS_DUP_HANDLE");
    }
    section_.reset(CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, sizeof(ProofMemory), nullptr));
    if (!section_) {
        return last_error("CreateFileMappingW");
    }
    {
        const Unique<ViewTraits> view(MapViewOfFile(section_.get(), FILE_MAP_WRITE, 0, 0, sizeof(ProofMemory)));
        if (!view) {
            return last_error("MapViewOfFile");
        }
        auto* memory = static_cast<ProofMemory*>(view.get());
        std::memcpy(memory->magic, proof_magic, sizeof(proof_magic));
        memory->verifier = GetCurrentProcessId();
        memory->prover = pid;
        std::memcpy(memory->secret, secret.data(), secret.size());
    }
    HANDLE there = nullptr;
    if (!DuplicateHandle(GetCurrentProcess(), section_.get(), process_.get(), &there, FILE_MAP_READ, FALSE, 0)) {
        return last_error("DuplicateHandle", "give " + whom + " a handle");
    }
    handle_ = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(there)); // handles have 32 significant bits
    return {};
}

void Proof::withdraw() {
    if (handle_ != 0) {
        DuplicateHandle(process_.get(), as_handle(handle_), nullptr, nullptr, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
        handle_ = 0;
    }
    section_.reset();
}

Status Proof::watch(std::function<void()> on_exit) {
    on_exit_ = std::move(on_exit);
    if (!RegisterWaitForSingleObject(&wait_, process_.get(), exited, this, INFINITE, WT_EXECUTEONLYONCE)) {
        wait_ = nullptr;
        return last_error("RegisterWaitForSingleObject");
    }
    return {};
}

void CALLBACK Proof::exited(void* context, BOOLEAN) {
    static_cast<Proof*>(context)->on_exit_();
}

void Proof::close() {
    if (wait_ != nullptr) {
        UnregisterWaitEx(std::exchange(wait_, nullptr), INVALID_HANDLE_VALUE); // waits for a call that goes on
    }
    withdraw();
    process_.reset();
}

Status read_secret(std::uint32_t handle, std::uint32_t verifier, Secret& secret) {
    constexpr std::uint32_t highest = 0x7FFF'FFFF; // above: pseudo handles
    ProofMemory copy{};
    {
        const Unique<ViewTraits> view(handle == 0 || handle > highest
                                          ? nullptr
                                          : MapViewOfFile(as_handle(handle), FILE_MAP_READ, 0, 0, sizeof(copy)));
        if (!view) {
            return own_error("ERR_BAD_PEER", "the other end named a handle that is no proof");
        }
        std::memcpy(&copy, view.get(), sizeof(copy)); // what is checked below must not change any more
    }
    if (std::memcmp(copy.magic, proof_magic, sizeof(proof_magic)) != 0 || copy.prover != GetCurrentProcessId() ||
        copy.verifier != verifier) {
        return own_error("ERR_BAD_PEER", "the other end named a handle that it did not put here for this process");
    }
    std::memcpy(secret.data(), copy.secret, secret.size());
    return {};
}

} // namespace winsock_spi::spi
