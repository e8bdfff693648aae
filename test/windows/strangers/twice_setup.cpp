// Installs and removes twice: one GUID for all layered entries, chains that name the layered entry below.
#include "setup.hpp"

int wmain(int argc, wchar_t** argv) {
    using stranger::Habits;
    return stranger::setup_main(argc, argv,
                                Habits{
                                    .name = L"twice",
                                    .vendor = stranger::twice_guid,
                                    .guid = Habits::Guid::one_for_all,
                                    .chain = Habits::Chain::by_entry,
                                    .ifs = true,
                                });
}
