// The sockets that policy_calls goes to, and how it tells their ports.
#pragma once

#include "common.hpp"

#include <fstream>

namespace policy_doors {

using namespace program;

constexpr int patience = 30; // seconds for what is certain to come

// The file appears under its name when it is written: whole or not at all.
inline void write_whole(const std::string& file, const std::string& text) {
    {
        std::ofstream stream(file + ".new");
        stream << text;
    }
    require(MoveFileA((file + ".new").c_str(), file.c_str()), "the ports are written");
}

inline void wait_for(const std::string& file) {
    while (GetFileAttributesA(file.c_str()) == INVALID_FILE_ATTRIBUTES) {
        Sleep(10);
    }
}

// Sockets of one kind and family: one per verdict, and the house.
struct Doors {
    int family;
    std::map<std::string, Socket> sockets;

    Doors(int family_, int type, std::initializer_list<const char*> names) : family(family_) {
        for (const char* const name : names) {
            sockets.emplace(name, type == SOCK_STREAM ? listening(family) : bound(family, type));
        }
    }

    // One that something has arrived at; INVALID_SOCKET after so many seconds.
    SOCKET readable(int seconds) const {
        fd_set set{};
        for (const auto& [name, socket] : sockets) {
            FD_SET(socket.get(), &set);
        }
        timeval time{seconds, 0};
        check(select(0, &set, nullptr, nullptr, &time), "select");
        for (const auto& [name, socket] : sockets) {
            if (FD_ISSET(socket.get(), &set)) {
                return socket.get();
            }
        }
        return INVALID_SOCKET;
    }

    // What was reached by somebody who asked for `door`.
    std::string name_of(SOCKET reached, const Address& door) const {
        if (local_address(reached).port() == door.port()) {
            return "door";
        }
        const auto house = sockets.find("house");
        return house != sockets.end() && house->second.get() == reached ? "house" : "another door";
    }

    SOCKET listener_of(const Address& door) const {
        for (const auto& [name, socket] : sockets) {
            if (local_address(socket.get()).port() == door.port()) {
                return socket.get();
            }
        }
        return INVALID_SOCKET;
    }
};

class House {
public:
    House() {
        for (const int family : {AF_INET, AF_INET6}) {
            for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
                doors_[type].emplace_back(family, type,
                                          std::initializer_list<const char*>{"house", "allow", "observe", "deny",
                                                                             "redirect", "ask", "relay"});
            }
            gates_.emplace_back(family, SOCK_STREAM,
                                std::initializer_list<const char*>{"allow", "observe", "deny", "ask"});
        }
    }

    void publish(const std::string& file) const {
        Json ports;
        for (const auto& [type, both] : doors_) {
            for (const Doors& doors : both) {
                add(ports, type == SOCK_STREAM ? "tcp" : "udp", doors);
            }
        }
        for (const Doors& gates : gates_) {
            add(ports, "gate", gates);
        }
        write_whole(file, ports.str());
    }

    template <typename Visit>
    void each_door(int type, Visit visit) const {
        for (const Doors& doors : doors_.at(type)) {
            each(doors, visit);
        }
    }
    template <typename Visit>
    void each_gate(Visit visit) const {
        for (const Doors& gates : gates_) {
            each(gates, visit);
        }
    }

private:
    static std::string family_name(const Doors& doors) { return doors.family == AF_INET ? "ipv4" : "ipv6"; }

    static void add(Json& ports, const std::string& kind, const Doors& doors) {
        for (const auto& [name, socket] : doors.sockets) {
            ports.number(kind + " " + family_name(doors) + " " + name, local_address(socket.get()).port());
        }
    }

    template <typename Visit>
    static void each(const Doors& doors, Visit visit) {
        for (const auto& [name, socket] : doors.sockets) {
            if (name != "house") {
                visit(doors, family_name(doors) + " " + name, local_address(socket.get()));
            }
        }
    }

    std::map<int, std::vector<Doors>> doors_;
    std::vector<Doors> gates_;
};

} // namespace policy_doors
