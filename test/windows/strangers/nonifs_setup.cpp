// Installs and removes nonifs: one GUID for all layered entries, none of them IFS.
#include "setup.hpp"

int wmain(int argc, wchar_t** argv) {
    using stranger::Habits;
    return stranger::setup_main(argc, argv,
                                Habits{
                                    .name = L"nonifs",
                                    .vendor = stranger::nonifs_guid,
                                    .guid = Habits::Guid::one_for_all,
                                    .chain = Habits::Chain::by_entry,
                                    .ifs = false,
                                });
}
