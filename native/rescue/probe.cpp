// The command that proves that a fresh program has a network. It prints a line for each thing that it tries; the step
// `probe` of a plan takes those that were skipped into its report.
#include "commands.hpp"

#include "output.hpp"
#include "probe_checks.hpp"
#include "spi/confinement.hpp"
#include "spi/steps/probe_lines.hpp"

namespace winsock_spi::rescue {
namespace {

constexpr std::pair<int, const char*> families[] = {{AF_INET, "IPv4"}, {AF_INET6, "IPv6"}};

std::string failure(const std::string& what, const spi::Status& status) {
    return what + ": " + status.code() + ": " + status.message;
}

int try_everything(const ProbeWinsock& winsock) {
    int code = exit_done;
    for (const auto& [family, name] : families) {
        std::string reason;
        // IPv4 is on every machine that has a network.
        if (family != AF_INET && !has_family(winsock, family, reason)) {
            print(std::string(spi::skipped_line) + name + " was not tried, as this machine has none: " + reason);
            continue;
        }
        for (const ProbeCheck& check : probe_checks) {
            const std::string what = std::string(check.name) + " over " + name;
            if (const spi::Status status = check.run(winsock, family); !status.ok()) {
                print_error(failure(what, status));
                code = exit_failed;
            } else {
                print(what + ": works");
            }
        }
    }
    return code;
}

// Errors that come from providers, or from Winsock about them; anything else is what Windows keeps a packaged app from.
bool is_providers(std::uint32_t number) {
    return (number >= WSAEINVALIDPROCTABLE && number <= WSASYSCALLFAILURE) || number == WSASYSNOTREADY ||
           number == WSAVERNOTSUPPORTED || number == WSAEFAULT || number == WSAEINVAL || number == WSAENOTSOCK;
}

// A packaged app may not talk to its own machine: that it gets a socket at all is what providers have a part in.
int try_little(const ProbeWinsock& winsock) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const std::string what = type == SOCK_STREAM ? "a TCP socket over IPv4" : "a UDP socket over IPv4";
        const spi::Status status = open_socket(winsock, AF_INET, type);
        if (status.ok()) {
            print(what + ": works");
        } else if (is_providers(status.number)) {
            print_error(failure(what, status));
            return exit_failed;
        } else {
            print(spi::skipped_line + failure(what, status));
        }
    }
    return exit_done;
}

} // namespace

int probe(const Arguments& arguments) {
    auto confinement = spi::Confinement::none;
    if (!arguments.empty()) {
        for (const auto one :
             {spi::Confinement::low_integrity, spi::Confinement::app_container, spi::Confinement::signed_only}) {
            if (arguments[0] == spi::confinement_name(one)) {
                confinement = one;
            }
        }
        if (confinement == spi::Confinement::none) {
            print_error("probe: there is low-integrity, app-container and signed-only");
            return exit_usage;
        }
        if (!spi::is_confined(confinement)) {
            print("this process is not confined in that way");
            return static_cast<int>(spi::not_confined_exit_code);
        }
    }
    ProbeWinsock winsock;
    if (const spi::Status status = winsock.start(); !status.ok()) {
        return report(status);
    }
    return confinement == spi::Confinement::app_container ? try_little(winsock) : try_everything(winsock);
}

} // namespace winsock_spi::rescue
