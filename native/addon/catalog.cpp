// Addon part: reading the catalog and the facts about this machine.
#include "parts.hpp"

#include "spi/catalog_items.hpp"
#include "spi/machine.hpp"
#include "spi/registry.hpp"
#include "spi/winsock.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

Napi::Value enum_protocols(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const int bits = bits_argument(info, 0);
    std::vector<spi::CatalogEntry> entries;
    if (spi::check_reachable(bits).ok()) {
        spi::Winsock winsock;
        check(env, winsock.enumerate(bits, entries));
    } else {
        check(env, spi::read_catalog_items(bits, entries));
    }
    Napi::Array array = Napi::Array::New(env, entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("path", to_string(env, entries[i].path));
        entry.Set("info",
                  to_bytes(env, {reinterpret_cast<const std::uint8_t*>(&entries[i].info), sizeof(entries[i].info)}));
        array.Set(static_cast<std::uint32_t>(i), entry);
    }
    return array;
}

Napi::Object to_object(Napi::Env env, const spi::RegistryTree& tree) {
    Napi::Object values = Napi::Object::New(env);
    for (const spi::RegistryValue& value : tree.values) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("type", Napi::Number::New(env, value.type));
        object.Set("data", to_bytes(env, value.data));
        values.Set(to_string(env, value.name), object);
    }
    Napi::Object keys = Napi::Object::New(env);
    for (const auto& [name, child] : tree.keys) {
        const Napi::HandleScope scope(env);
        keys.Set(to_string(env, name), to_object(env, child));
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("values", values);
    object.Set("keys", keys);
    if (!tree.security.empty()) {
        object.Set("security", tree.security);
    }
    return object;
}

Napi::Value read_registry(const Napi::CallbackInfo& info) {
    spi::RegistryTree tree;
    check(info.Env(), spi::read_tree(spi::winsock_parameters, tree));
    return to_object(info.Env(), tree);
}

Napi::Value machine(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::Machine facts;
    check(env, spi::read_machine(facts));
    Napi::Array catalogs = Napi::Array::New(env);
    for (const int bits : facts.catalogs) {
        catalogs.Set(catalogs.Length(), bits);
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("arch", facts.arch);
    object.Set("windows", facts.windows);
    object.Set("catalogs", catalogs);
    object.Set("elevated", facts.elevated);
    object.Set("wine", facts.wine);
    object.Set("programFiles", to_string(env, facts.program_files));
    object.Set("programData", to_string(env, facts.program_data));
    object.Set("systemRoot", to_string(env, facts.system_root));
    object.Set("computer", to_string(env, facts.computer));
    return object;
}

Napi::Value expand_path(const Napi::CallbackInfo& info) {
    std::wstring expanded;
    check(info.Env(), spi::expand_path(string_argument(info, 0, "path"), bits_argument(info, 1), expanded));
    return to_string(info.Env(), expanded);
}

} // namespace

void init_catalog(Napi::Env env, Napi::Object exports) {
    exports.Set("enumProtocols", Napi::Function::New(env, enum_protocols, "enumProtocols"));
    exports.Set("readRegistry", Napi::Function::New(env, read_registry, "readRegistry"));
    exports.Set("machine", Napi::Function::New(env, machine, "machine"));
    exports.Set("expandPath", Napi::Function::New(env, expand_path, "expandPath"));
}

} // namespace winsock_spi::addon
