# The Windows binaries except the addon: provider, rescue, and what stands in for Windows' Winsock under Wine.

# winsock_spi_place(TARGET FOLDER): the folder of the target's output, the same for every generator and configuration.
function(winsock_spi_place target folder)
    # The generator expression keeps multi-configuration generators from appending Release/ or Debug/.
    set_target_properties(${target} PROPERTIES
        PREFIX "" RUNTIME_OUTPUT_DIRECTORY $<1:${folder}> LIBRARY_OUTPUT_DIRECTORY $<1:${folder}>
        ARCHIVE_OUTPUT_DIRECTORY $<1:${CMAKE_BINARY_DIR}/lib>)
endfunction()

# winsock_spi_exports(TARGET DEF): exports by .def file, where there is one.
function(winsock_spi_exports target def)
    if(EXISTS ${def})
        target_sources(${target} PRIVATE ${def})
    endif()
endfunction()

# winsock_spi_program(TARGET FOLDER SOURCES...): a console program, entry main or wmain.
function(winsock_spi_program target folder)
    add_executable(${target} ${ARGN})
    target_link_libraries(${target} PRIVATE winsock_spi_windows)
    winsock_spi_place(${target} ${folder})
    foreach(source IN LISTS ARGN)
        file(STRINGS ${source} wide REGEX "^int wmain\\(")
        if(wide AND NOT MSVC)
            target_link_options(${target} PRIVATE -municode)
        endif()
    endforeach()
endfunction()

set(windows_headers <winsock2.h> <ws2spi.h> <windows.h>)
set(standard_headers <algorithm> <cstdint> <cstring> <memory> <string> <string_view> <vector>)

winsock_spi_sources(core core)
winsock_spi_sources(core_lsp core_lsp)
winsock_spi_sources(spi spi)
winsock_spi_sources(spi_lsp spi_lsp)
winsock_spi_sources(lsp lsp)
winsock_spi_sources(rescue rescue)
winsock_spi_sources(wine_host wine_host)
winsock_spi_sources(wine_base wine_base)
winsock_spi_sources(wine_seed wine_seed)
winsock_spi_sources(relay relay)

add_library(winsock_spi_core INTERFACE)
if(core)
    add_library(winsock_spi_core_static STATIC ${core})
    target_link_libraries(winsock_spi_core_static PUBLIC winsock_spi_windows)
    target_link_libraries(winsock_spi_core INTERFACE winsock_spi_core_static)
endif()

add_library(winsock_spi_spi INTERFACE)
target_link_libraries(winsock_spi_spi INTERFACE winsock_spi_core)
if(spi)
    add_library(winsock_spi_spi_static STATIC ${spi})
    target_link_libraries(winsock_spi_spi_static PRIVATE winsock_spi_small
        PUBLIC winsock_spi_windows winsock_spi_core ntdll)
    target_link_libraries(winsock_spi_spi INTERFACE winsock_spi_spi_static)
    winsock_spi_precompile(winsock_spi_spi_static ${windows_headers} ${standard_headers})
endif()

if(lsp)
    # Compiled again and not taken from the static libraries: those may use the C++ runtime.
    add_library(winsock_spi_lsp MODULE ${lsp} ${core_lsp} ${spi_lsp})
    target_link_libraries(winsock_spi_lsp PRIVATE winsock_spi_freestanding)
    winsock_spi_version(winsock_spi_lsp
        ${WINSOCK_SPI_VERSION_MAJOR} ${WINSOCK_SPI_VERSION_MINOR} ${WINSOCK_SPI_VERSION_PATCH})
    winsock_spi_place(winsock_spi_lsp ${WINSOCK_SPI_OUTPUT})
    winsock_spi_precompile(winsock_spi_lsp ${windows_headers})
    winsock_spi_exports(winsock_spi_lsp ${CMAKE_SOURCE_DIR}/native/lsp/winsock_spi_lsp.def)
endif()

if(rescue)
    winsock_spi_program(winsock-spi-rescue ${WINSOCK_SPI_OUTPUT} ${rescue})
    target_link_libraries(winsock-spi-rescue PRIVATE
        winsock_spi_small winsock_spi_spi winsock_spi_core advapi32 bcrypt shell32 ole32)
    winsock_spi_precompile(winsock-spi-rescue ${windows_headers} ${standard_headers})
    if(NOT MSVC)
        enable_language(RC)
        target_sources(winsock-spi-rescue PRIVATE ${CMAKE_SOURCE_DIR}/native/rescue/winsock-spi-rescue.rc)
    endif()
endif()

set(wine ${CMAKE_BINARY_DIR}/bin/wine)
if(wine_host)
    add_library(winsock_wine_host MODULE ${wine_host})
    target_link_libraries(winsock_wine_host PRIVATE winsock_spi_windows winsock_spi_core advapi32 ntdll)
    set_target_properties(winsock_wine_host PROPERTIES OUTPUT_NAME ws2_32)
    winsock_spi_place(winsock_wine_host ${wine})
    winsock_spi_precompile(winsock_wine_host ${CMAKE_SOURCE_DIR}/native/wine/host/winsock_headers.hpp
        <algorithm> <memory> <string> <vector>)
    winsock_spi_exports(winsock_wine_host ${CMAKE_SOURCE_DIR}/native/wine/host/ws2_32.def)
    if(CMAKE_SIZEOF_VOID_P EQUAL 8)
        winsock_spi_exports(winsock_wine_host ${CMAKE_SOURCE_DIR}/native/wine/host/ws2_32-64.def)
    endif()
endif()
if(wine_base)
    add_library(winsock_wine_base MODULE ${wine_base})
    target_link_libraries(winsock_wine_base PRIVATE winsock_spi_windows winsock_spi_core ntdll)
    winsock_spi_place(winsock_wine_base ${wine})
    winsock_spi_exports(winsock_wine_base ${CMAKE_SOURCE_DIR}/native/wine/base/winsock_wine_base.def)
endif()
if(wine_seed)
    winsock_spi_program(winsock_wine_seed ${wine} ${wine_seed})
    target_link_libraries(winsock_wine_seed PRIVATE winsock_spi_core advapi32)
endif()
if(relay)
    winsock_spi_program(winsock_relay ${wine} ${relay})
endif()
