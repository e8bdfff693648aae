// WSCWriteProviderOrder(32): every id exactly once, or nothing happens.
#pragma once

#include <algorithm>

#include "install_checks.hpp"

inline void check_order(Checks& checks, const CatalogFunctions& functions) {
    checks.section(std::string("WSCWriteProviderOrder, catalog ") + functions.name);
    const RegistryTree start = read_parameters();
    const Infos before = enumerate(functions);
    std::vector<DWORD> ids = ids_of(before);
    const std::vector<DWORD> original = ids;
    const DWORD count = static_cast<DWORD>(ids.size());
    std::reverse(ids.begin(), ids.end());
    const std::uint32_t serial = catalog_number(L"Serial_Access_Num");
    checks.equal("the reverse order", functions.order(ids.data(), count), ERROR_SUCCESS);
    const Infos after = enumerate(functions);
    checks.is_true("is the order of the catalog", ids_of(after) == ids);
    bool moved = after.size() == before.size();
    for (std::size_t index = 0; moved && index < after.size(); ++index) {
        moved = std::memcmp(&after[index], &before[before.size() - 1 - index], sizeof(WSAPROTOCOL_INFOW)) == 0;
    }
    checks.is_true("the entries themselves do not change", moved);
    checks.equal("the keys are 1 to count", counted_keys(functions), static_cast<int>(count));
    checks.equal("the serial number moves by one", catalog_number(L"Serial_Access_Num"), serial + 1);
    {
        const Unchanged unchanged;
        checks.equal("one missing", functions.order(ids.data(), count - 1), WSAEINVAL);
        std::vector<DWORD> wrong = ids;
        wrong[0] = wrong[1];
        checks.equal("one twice", functions.order(wrong.data(), count), WSAEINVAL);
        wrong[0] = 0x7FFFFFFF;
        checks.equal("one unknown", functions.order(wrong.data(), count), WSAEINVAL);
        wrong = ids;
        wrong.push_back(ids[0]);
        checks.equal("one too many", functions.order(wrong.data(), count + 1), WSAEINVAL);
        checks.equal("none", functions.order(ids.data(), 0), WSAEINVAL);
        checks.equal("NULL", functions.order(nullptr, count), WSAEINVAL);
        checks.equal("a list that cannot be read", functions.order(bad_pointer<LPDWORD>(), count), WSAEINVAL);
        checks.equal("more than memory holds", functions.order(ids.data(), 0xFFFFFFFF), WSAEINVAL);
        unchanged.check(checks, "a refused order");
    }
    std::vector<DWORD> back = original;
    checks.equal("the old order", functions.order(back.data(), count), ERROR_SUCCESS);
    checks.is_true("gives the old registry, but for the serial number",
                   without_counters(read_parameters()) == without_counters(start));
}
