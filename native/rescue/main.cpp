// winsock-spi-rescue.exe: lists, repairs and restores the Winsock catalog where Node, or Winsock itself, cannot start.
// It imports no Winsock and needs nothing but this one file. It is also the helper that writes the catalog of its own
// bitness, and the program that proves after an installation that fresh programs have a network.
#include "commands.hpp"
#include "output.hpp"

#include <cstdint>
#include <exception>

namespace {

using winsock_spi::rescue::Arguments;

struct Command {
    const wchar_t* name;
    std::size_t arguments;
    int (*run)(const Arguments&);
};

// clang-format off
constexpr Command commands[] = {
    {L"list", 0, winsock_spi::rescue::list},       {L"list", 1, winsock_spi::rescue::list},
    {L"recover", 0, winsock_spi::rescue::recover},
    {L"backup", 1, winsock_spi::rescue::backup},   {L"restore", 1, winsock_spi::rescue::restore},
    {L"remove", 0, winsock_spi::rescue::remove},   {L"remove", 1, winsock_spi::rescue::remove},
    {L"probe", 0, winsock_spi::rescue::probe},     {L"probe", 1, winsock_spi::rescue::probe},
    {L"inspect", 1, winsock_spi::rescue::inspect}, {L"steps", 1, winsock_spi::rescue::steps},
    {L"confirm", 0, winsock_spi::rescue::confirm}, {L"rollback", 0, winsock_spi::rescue::roll_back},
    {L"service", 0, winsock_spi::rescue::service},
};
// clang-format on

constexpr const char* usage =
    "winsock-spi-rescue COMMAND\r\n"
    "  list [--json]  show the Winsock catalogs: protocols and namespaces\r\n"
    "  recover        finish or undo an operation that was interrupted\r\n"
    "  confirm        keep a change that was made with --confirm-within\r\n"
    "  rollback       undo such a change now\r\n"
    "  backup FILE    write a backup of the catalogs\r\n"
    "  restore FILE   bring the catalogs back to what a backup says\r\n"
    "  remove [NAME]  take winsock-spi out of the catalogs, or the provider that is named by the name of an entry,\r\n"
    "                 a GUID or a catalog id; nothing else changes\r\n"
    "  probe          try connections to this machine itself: TCP and UDP, IPv4 and IPv6, each way of waiting\r\n"
    "  inspect JSON   for winsock-spi doctor: load providers and open sockets with them, in this process\r\n"
    "  steps FILE     for winsock-spi itself: do what the file says in the catalog of this program's bitness\r\n"
    "  service        for winsock-spi itself: run as the service that undoes an unconfirmed change\r\n"
    "Exit codes: 0 done, 2 failed and nothing changed, 3 failed and a backup must be restored, 64 wrong usage.\r\n"
    "Everything but list, backup and probe needs an elevated prompt.";

} // namespace

int wmain(int argc, wchar_t** argv) {
    const Arguments arguments(argv + (argc > 2 ? 2 : argc), argv + argc);
    for (const Command& command : commands) {
        if (argc >= 2 && std::wstring_view(argv[1]) == command.name && arguments.size() == command.arguments) {
            try {
                return command.run(arguments);
            } catch (const std::exception& error) {
                winsock_spi::rescue::print_error(error.what()); // out of memory, and nothing else that is known of
                return winsock_spi::rescue::exit_failed;
            }
        }
    }
    const bool asked = argc == 2 && (std::wstring_view(argv[1]) == L"--help" || std::wstring_view(argv[1]) == L"help");
    (asked ? winsock_spi::rescue::print : winsock_spi::rescue::print_error)(usage);
    return asked ? winsock_spi::rescue::exit_done : winsock_spi::rescue::exit_usage;
}
