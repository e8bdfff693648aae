// Reads values below HKEY_LOCAL_MACHINE through ntdll; see nt_registry.hpp.
#include "nt_registry.hpp"

#include <cstring>

#include "wide_text.hpp"

namespace winsock_spi::spi {

namespace {

// UNICODE_STRING is used for input only, but its pointer is not const.
UNICODE_STRING to_unicode(std::wstring_view text) {
    UNICODE_STRING result{};
    result.Buffer = const_cast<wchar_t*>(text.data());
    result.Length = static_cast<USHORT>(text.size() * sizeof(wchar_t));
    result.MaximumLength = result.Length;
    return result;
}

} // namespace

UniqueHandle open_key(HANDLE parent, std::wstring_view path) {
    UNICODE_STRING name = to_unicode(path);
    OBJECT_ATTRIBUTES attributes{};
    attributes.Length = sizeof(attributes);
    attributes.RootDirectory = parent;
    attributes.ObjectName = &name;
    attributes.Attributes = OBJ_CASE_INSENSITIVE;
    HANDLE key = nullptr;
    return UniqueHandle(nt_success(NtOpenKey(&key, KEY_READ | KEY_WOW64_64KEY, &attributes)) ? key : nullptr);
}

UniqueHandle open_machine_key(std::wstring_view path) {
    PathText whole;
    whole << L"\\Registry\\Machine\\" << path;
    return open_key(nullptr, whole.view());
}

std::size_t read_value(HANDLE key, std::wstring_view name, ULONG type, void* data, std::size_t room) {
    constexpr std::size_t header = offsetof(KeyValuePartialInformation, data);
    alignas(KeyValuePartialInformation) std::byte buffer[header + 1000];
    UNICODE_STRING value = to_unicode(name);
    ULONG length = 0;
    if (!nt_success(NtQueryValueKey(key, &value, key_value_partial_information, buffer, sizeof(buffer), &length))) {
        return 0;
    }
    KeyValuePartialInformation information;
    std::memcpy(&information, buffer, sizeof(information));
    if (information.type != type || information.data_length > sizeof(buffer) - header ||
        information.data_length > room) {
        return 0;
    }
    std::memcpy(data, buffer + header, information.data_length);
    return information.data_length;
}

} // namespace winsock_spi::spi
