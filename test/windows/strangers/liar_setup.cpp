// Installs and removes liar: a GUID for each layered entry, chains that name hidden entries only.
#include "setup.hpp"

int wmain(int argc, wchar_t** argv) {
    using stranger::Habits;
    return stranger::setup_main(argc, argv,
                                Habits{
                                    .name = L"liar",
                                    .vendor = stranger::liar_guid,
                                    .guid = Habits::Guid::per_entry,
                                    .chain = Habits::Chain::by_hidden,
                                    .ifs = true,
                                });
}
