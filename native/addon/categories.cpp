// Addon part: LSP categories of providers and programs, and the namespace providers as Winsock lists them.
#include "parts.hpp"

#include "core/guid_text.hpp"
#include "spi/categories.hpp"
#include "spi/namespaces.hpp"
#include "spi/text.hpp"
#include "values.hpp"

namespace winsock_spi::addon {
namespace {

// providerCategories(bits, providerId)
Napi::Value provider_categories(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const int bits = bits_argument(info, 0);
    const std::optional<core::Guid> guid = core::parse_guid(spi::narrow(string_argument(info, 1, "providerId")));
    if (!guid) {
        throw Napi::TypeError::New(env, "providerId must be a GUID in braces");
    }
    spi::Winsock winsock;
    std::uint32_t categories = 0;
    check(env, spi::get_provider_categories(winsock, bits, *guid, categories));
    return Napi::Number::New(env, categories);
}

// applicationCategories(program, args)
Napi::Value application_categories(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const spi::Application application{string_argument(info, 0, "program"), string_argument(info, 1, "args")};
    spi::Winsock winsock;
    std::optional<std::uint32_t> permitted;
    check(env, spi::get_application_categories(winsock, application, permitted));
    return permitted ? Napi::Number::New(env, *permitted).As<Napi::Value>() : env.Undefined();
}

// enumNamespaces(bits)
Napi::Value enum_namespaces(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    spi::Winsock winsock;
    std::vector<spi::NamespaceEntry> entries;
    check(env, spi::enum_namespaces(winsock, bits_argument(info, 0), entries));
    Napi::Array array = Napi::Array::New(env, entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const spi::NamespaceEntry& entry = entries[i];
        Napi::Object object = Napi::Object::New(env);
        object.Set("name", to_string(env, entry.name));
        object.Set("providerId", core::format_guid(entry.provider));
        object.Set("namespace", Napi::Number::New(env, entry.name_space));
        object.Set("version", Napi::Number::New(env, entry.version));
        object.Set("enabled", entry.enabled);
        object.Set("info", to_bytes(env, entry.info));
        array.Set(static_cast<std::uint32_t>(i), object);
    }
    return array;
}

} // namespace

void init_categories(Napi::Env env, Napi::Object exports) {
    exports.Set("providerCategories", Napi::Function::New(env, provider_categories, "providerCategories"));
    exports.Set("applicationCategories", Napi::Function::New(env, application_categories, "applicationCategories"));
    exports.Set("enumNamespaces", Napi::Function::New(env, enum_namespaces, "enumNamespaces"));
}

} // namespace winsock_spi::addon
