// Proving which process is at the other end of a channel that does not tell: a secret is put where only one process can
// read it, and who answers with it is that process.
//
// The verifier makes an unnamed section with a secret in it and puts a handle of it into the process that the other end
// claims to be; over the channel goes only the number of the handle. The prover reads the section and answers with what
// only the secret makes (lib/share/transports/prove.ts). The verifier then closes the handle in the prover.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "../status.hpp"
#include "../unique.hpp"

namespace winsock_spi::spi {

inline constexpr std::size_t secret_size = 32;
using Secret = std::array<std::uint8_t, secret_size>;

// The verifier's side; it holds the process from the first on, so that its pid is not used again meanwhile.
class Proof {
public:
    Proof() = default;
    Proof(const Proof&) = delete;
    Proof& operator=(const Proof&) = delete;
    ~Proof() { close(); }

    // ERROR_ACCESS_DENIED where this process may not open that one with PROCESS_DUP_HANDLE.
    Status open(std::uint32_t pid, const Secret& secret);
    // The number of the handle there.
    std::uint32_t handle() const { return handle_; }
    // Closes the handle in the other process; the process stays held.
    void withdraw();
    // `on_exit` is called once, on a thread of the system's, when the process ends, unless close came first.
    Status watch(std::function<void()> on_exit);
    // No call of on_exit is made, or going on, after this. Not from within on_exit.
    void close();

private:
    static void CALLBACK exited(void* context, BOOLEAN);

    UniqueHandle process_;
    UniqueHandle section_;
    std::uint32_t handle_ = 0;
    HANDLE wait_ = nullptr;
    std::function<void()> on_exit_;
};

// The prover's side: the secret behind the handle of that number, if `verifier` put it there for this process. Nothing
// else that this process has open is ever read out: ERR_BAD_PEER.
Status read_secret(std::uint32_t handle, std::uint32_t verifier, Secret& secret);

} // namespace winsock_spi::spi
