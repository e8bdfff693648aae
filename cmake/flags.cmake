# Compiler and linker flags, as interface libraries: a target links the ones it needs.
#   winsock_spi_flags          every target: language, warnings, hardening
#   winsock_spi_windows        every Windows target: definitions, static runtime
#   winsock_spi_small          what waits for Windows anyway, and is shipped: half the size, which is most of the package
#   winsock_spi_freestanding   what goes into the layered provider: no C or C++ runtime at all
add_library(winsock_spi_flags INTERFACE)
target_compile_features(winsock_spi_flags INTERFACE cxx_std_20)
target_include_directories(winsock_spi_flags INTERFACE ${CMAKE_SOURCE_DIR}/native)
if(MSVC)
    target_compile_options(winsock_spi_flags INTERFACE /W4 /WX /permissive- /utf-8 /Zc:__cplusplus)
    if(CMAKE_GENERATOR MATCHES "^Visual Studio")
        # MSBuild builds projects side by side, but the files of one project one after the other.
        target_compile_options(winsock_spi_flags INTERFACE /MP)
    endif()
else()
    target_compile_options(winsock_spi_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Werror)
endif()

if(NOT WIN32)
    return()
endif()

add_library(winsock_spi_windows INTERFACE)
target_link_libraries(winsock_spi_windows INTERFACE winsock_spi_flags)
target_compile_definitions(winsock_spi_windows INTERFACE
    UNICODE _UNICODE NOMINMAX WIN32_LEAN_AND_MEAN _WIN32_WINNT=0x0A00 WINVER=0x0A00)
if(MSVC)
    target_compile_options(winsock_spi_windows INTERFACE /sdl /guard:cf /EHsc)
    target_link_options(winsock_spi_windows INTERFACE /DYNAMICBASE /NXCOMPAT /guard:cf)
    if(CMAKE_SIZEOF_VOID_P EQUAL 8 AND NOT CMAKE_CXX_COMPILER_ARCHITECTURE_ID MATCHES "ARM64")
        target_link_options(winsock_spi_windows INTERFACE /CETCOMPAT)
    endif()
else()
    target_compile_options(winsock_spi_windows INTERFACE -ffunction-sections -fdata-sections)
    # --kill-at: a stdcall function declared dllexport is exported under its plain name, as from a .def file.
    # --enable-stdcall-fixup: a .def file names WSPStartup where x86 code has _WSPStartup@76.
    # --exclude-all-symbols: without it ld exports everything of a DLL that names no export.
    # --no-insert-timestamp: the same sources give the same bytes.
    target_link_options(winsock_spi_windows INTERFACE
        -static -s -Wl,--gc-sections -Wl,--kill-at -Wl,--enable-stdcall-fixup
        -Wl,--exclude-all-symbols -Wl,--no-insert-timestamp)
endif()

add_library(winsock_spi_small INTERFACE)
if(NOT MSVC)
    target_compile_options(winsock_spi_small INTERFACE -Os)
endif()

add_library(winsock_spi_freestanding INTERFACE)
target_link_libraries(winsock_spi_freestanding INTERFACE winsock_spi_flags)
target_compile_definitions(winsock_spi_freestanding INTERFACE WINSOCK_SPI_FREESTANDING
    UNICODE _UNICODE NOMINMAX WIN32_LEAN_AND_MEAN _WIN32_WINNT=0x0A00 WINVER=0x0A00)
if(MSVC)
    # No /guard:cf and no /GS: both need tables that only the C runtime's start-up code provides.
    target_compile_options(winsock_spi_freestanding INTERFACE /GS- /GR- /EHs-c- /Zc:threadSafeInit- /guard:cf- /Zl)
    target_compile_definitions(winsock_spi_freestanding INTERFACE _HAS_EXCEPTIONS=0)
    target_link_options(winsock_spi_freestanding INTERFACE
        /NODEFAULTLIB /ENTRY:DllMain /DYNAMICBASE /NXCOMPAT /INCREMENTAL:NO)
    target_link_libraries(winsock_spi_freestanding INTERFACE ntdll kernel32)
else()
    target_compile_options(winsock_spi_freestanding INTERFACE
        -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector -fno-use-cxa-atexit
        -ffunction-sections -fdata-sections)
    if(CMAKE_SIZEOF_VOID_P EQUAL 4)
        set(entry _DllMain@12)
        # Every processor of Windows 10 has it, and MSVC uses it unasked. Without it a 64-bit atomic goes through the x87
        # unit, and a record is 16 of them.
        target_compile_options(winsock_spi_freestanding INTERFACE -msse2)
    else()
        set(entry DllMain)
        target_compile_options(winsock_spi_freestanding INTERFACE -mprfchw) # every 64-bit Windows 10 asks for it
    endif()
    target_link_options(winsock_spi_freestanding INTERFACE
        -nostartfiles -nodefaultlibs -Wl,--entry=${entry} -s -Wl,--gc-sections -Wl,--kill-at
        -Wl,--enable-stdcall-fixup -Wl,--exclude-all-symbols -Wl,--no-insert-timestamp)
    # ntdll gives memcpy and its like, libgcc the few helpers that the compiler calls by itself (64-bit division, stack
    # probes); libgcc itself refers to kernel32.
    target_link_libraries(winsock_spi_freestanding INTERFACE gcc ntdll kernel32)
endif()

# Nearly half of the compiling is reading the same system headers. scripts/ turns this on for its builds; others compile
# without it, so that every file still has to include what it uses.
option(WINSOCK_SPI_PRECOMPILE "Precompile the Windows headers" OFF)
function(winsock_spi_precompile target)
    if(WINSOCK_SPI_PRECOMPILE)
        target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
endfunction()
