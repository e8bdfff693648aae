// Trying out providers: loads their DLLs and opens a socket with each of their entries. What is tried may crash or
// hang, so this runs in a process of its own (`winsock-spi-rescue inspect REQUEST`), which says before each thing what
// it is about to do and after it what came of it, one JSON value a line.
//   request: { "limit": milliseconds that one thing may take,
//              "libraries": [{ "path": full path, "function": "WSPStartup" | "NSPStartup" }, ...],
//              "sockets": [catalog id, ...] }
//   lines:   { "begin": n }                                 thing n of libraries, then Winsock itself, then sockets
//            { "library": n, "error": number, "function": it is exported }
//            { "winsock": error of WSAStartup }
//            { "socket": n, "error": of WSASocketW, "bind": error, "base": error, "same": the base handle is the
//            socket,
//              "select": error, "poll": error }             of SIO_BASE_HANDLE, SIO_BSP_HANDLE_SELECT and ..._POLL;
//                                                           members of what was not tried are absent
//            { "hung": n }, { "crashed": exception code }    the last line of a process that does not end by itself
//            { "done": true }
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

struct InspectLibrary {
    std::wstring path;
    std::string function;
};

struct InspectRequest {
    std::uint32_t limit = 0;
    std::vector<InspectLibrary> libraries;
    std::vector<std::uint32_t> sockets;
};

Status parse_inspect_request(const std::string& text, InspectRequest& request);

// Does it, and gives each line to `print`. Nothing that was loaded is let go: the process is to be ended afterwards.
void inspect(const InspectRequest& request, const std::function<void(const core::json::Value& line)>& print);

} // namespace winsock_spi::spi
