// The DLL's entry point. Everything else waits for WSPStartup: under the loader's lock nothing may be asked of Windows,
// and at the end of the process other threads have been stopped wherever they were.
#include "spi/win32.hpp"

extern "C" BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID) {
    if (reason == DLL_PROCESS_ATTACH) {
        DisableThreadLibraryCalls(module);
    }
    return TRUE;
}
