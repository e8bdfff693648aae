// A namespace provider that answers every lookup with "there is nobody of that name", so that Winsock goes on to the
// next one: what a program resolves is the same with it and without it.
#include <winsock2.h>
#include <ws2spi.h>
#include <windows.h>

namespace {

int WSPAPI cleanup(LPGUID) {
    return NO_ERROR;
}

INT WSPAPI begin(LPGUID, LPWSAQUERYSETW, LPWSASERVICECLASSINFOW, DWORD, LPHANDLE) {
    SetLastError(WSASERVICE_NOT_FOUND);
    return SOCKET_ERROR;
}

INT WSPAPI next(HANDLE, DWORD, LPDWORD, LPWSAQUERYSETW) {
    SetLastError(WSA_E_NO_MORE);
    return SOCKET_ERROR;
}

INT WSPAPI end(HANDLE) {
    return NO_ERROR;
}

INT refuse() {
    SetLastError(WSAEOPNOTSUPP);
    return SOCKET_ERROR;
}

INT WSPAPI set_service(LPGUID, LPWSASERVICECLASSINFOW, LPWSAQUERYSETW, WSAESETSERVICEOP, DWORD) {
    return refuse();
}
INT WSPAPI install_class(LPGUID, LPWSASERVICECLASSINFOW) {
    return refuse();
}
INT WSPAPI remove_class(LPGUID, LPGUID) {
    return refuse();
}
INT WSPAPI class_info(LPGUID, LPDWORD, LPWSASERVICECLASSINFOW) {
    return refuse();
}

} // namespace

extern "C" INT WSPAPI NSPStartup(LPGUID, LPNSP_ROUTINE routines) {
    if (routines == nullptr || routines->cbSize < FIELD_OFFSET(NSP_ROUTINE, NSPIoctl)) {
        return WSAEINVAL;
    }
    routines->dwMajorVersion = 1;
    routines->dwMinorVersion = 1;
    routines->NSPCleanup = cleanup;
    routines->NSPLookupServiceBegin = begin;
    routines->NSPLookupServiceNext = next;
    routines->NSPLookupServiceEnd = end;
    routines->NSPSetService = set_service;
    routines->NSPInstallServiceClass = install_class;
    routines->NSPRemoveServiceClass = remove_class;
    routines->NSPGetServiceClassInfo = class_info;
    return NO_ERROR;
}
