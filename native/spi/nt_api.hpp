// The few functions of ntdll that the provider uses, as documented for drivers (Zw*) or in winternl.h: the registry,
// the parent process, the user, the thread's token and owners of objects, without advapi32, which the provider must not
// import.
#pragma once

#include "win32.hpp"

#include <winternl.h>

namespace winsock_spi::spi {

inline constexpr auto thread_impersonation_token = static_cast<THREADINFOCLASS>(5);
inline constexpr ULONG key_value_partial_information = 2; // KEY_VALUE_INFORMATION_CLASS

struct KeyValuePartialInformation {
    ULONG title_index;
    ULONG type;
    ULONG data_length;
    UCHAR data[1];
};

extern "C" {
NTSTATUS NTAPI NtOpenKey(PHANDLE key, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes);
NTSTATUS NTAPI NtQueryValueKey(HANDLE key, PUNICODE_STRING name, ULONG information_class, PVOID information,
                               ULONG length, PULONG result_length);
NTSTATUS NTAPI NtOpenThreadToken(HANDLE thread, ACCESS_MASK access, BOOLEAN as_self, PHANDLE token);
NTSTATUS NTAPI NtSetInformationThread(HANDLE thread, THREADINFOCLASS information_class, PVOID information,
                                      ULONG length);
NTSTATUS NTAPI NtOpenProcessToken(HANDLE process, ACCESS_MASK access, PHANDLE token);
NTSTATUS NTAPI NtQueryInformationToken(HANDLE token, TOKEN_INFORMATION_CLASS information_class, PVOID information,
                                       ULONG length, PULONG result_length);
BOOLEAN NTAPI RtlDllShutdownInProgress();
NTSTATUS NTAPI NtQuerySecurityObject(HANDLE handle, ULONG information, PVOID descriptor, ULONG length,
                                     PULONG length_needed);
}

constexpr bool nt_success(NTSTATUS status) {
    return status >= 0;
}

} // namespace winsock_spi::spi
