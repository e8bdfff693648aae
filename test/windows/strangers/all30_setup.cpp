// Installs and removes all30: a GUID for each layered entry, chains that name the layered entry below.
#include "setup.hpp"

int wmain(int argc, wchar_t** argv) {
    using stranger::Habits;
    return stranger::setup_main(argc, argv,
                                Habits{
                                    .name = L"all30",
                                    .vendor = stranger::all30_guid,
                                    .guid = Habits::Guid::per_entry,
                                    .chain = Habits::Chain::by_entry,
                                    .ifs = true,
                                });
}
