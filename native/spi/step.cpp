#include "step.hpp"

#include "step_members.hpp"

namespace winsock_spi::spi {
namespace {

struct Kind {
    const char* name;
    Status (*make)(const core::json::Value&, std::unique_ptr<Step>&);
};

constexpr Kind kinds[] = {
    {"make-folder", make_make_folder},
    {"copy-file", make_copy_file},
    {"write-file", make_write_file},
    {"make-control", make_make_control},
    {"install-provider", make_install_provider},
    {"install-entries", make_install_entries},
    {"write-order", make_write_order},
    {"deinstall-provider", make_deinstall_provider},
    {"update-provider", make_update_provider},
    {"set-provider-path", make_set_provider_path},
    {"probe", make_probe},
    {"write-registry", make_write_registry},
    {"delete-registry", make_delete_registry},
    {"set-provider-category", make_set_provider_category},
    {"set-application-category", make_set_application_category},
    {"install-namespace", make_install_namespace},
    {"remove-namespace", make_remove_namespace},
    {"enable-namespace", make_enable_namespace},
    {"order-namespaces", make_order_namespaces},
    {"clear-policy", make_clear_policy},
    {"delete-file", make_delete_file},
    {"delete-folder", make_delete_folder},
};

} // namespace

Status make_step(const core::json::Value& source, std::unique_ptr<Step>& step) {
    std::string name;
    if (Status status = read_string(source, "do", name); !status.ok()) {
        return status;
    }
    for (const Kind& kind : kinds) {
        if (name == kind.name) {
            return kind.make(source, step);
        }
    }
    return invalid_plan("unknown step \"" + name + "\"");
}

} // namespace winsock_spi::spi
