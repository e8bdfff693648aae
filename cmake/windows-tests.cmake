# Programs of the Windows tests: one EXE per test/windows/programs/*.cpp and providers/*_setup.cpp, one DLL per other
# file of test/windows/providers. They include nothing of native/, so that they see Winsock as strangers do;
# only ring_writer stands in for the provider itself, to test the reader's side, and policy_decisions measures a part of it.
file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/windows/programs/*.cpp)
file(GLOB providers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/windows/providers/*.cpp)

# Nobody waits for these programs' code, but for its compiling.
function(winsock_spi_compile_fast target)
    if(NOT MSVC)
        target_compile_options(${target} PRIVATE -O0)
    endif()
endfunction()

foreach(source IN LISTS programs)
    cmake_path(GET source STEM name)
    winsock_spi_program(${name} ${CMAKE_BINARY_DIR}/bin/programs ${source})
    target_link_libraries(${name} PRIVATE ws2_32 mswsock)
    if(NOT name MATCHES "^(ring_writer|policy_decisions)$") # one is to be faster than the watcher, one is measured
        winsock_spi_compile_fast(${name})
    endif()
endforeach()
target_link_libraries(ring_writer PRIVATE winsock_spi_core)
target_link_libraries(restricted PRIVATE advapi32)
target_link_libraries(policy_decisions PRIVATE winsock_spi_core)

foreach(source IN LISTS providers)
    cmake_path(GET source STEM name)
    if(name MATCHES "_setup$")
        winsock_spi_program(${name} ${CMAKE_BINARY_DIR}/bin/providers ${source})
        target_link_libraries(${name} PRIVATE ws2_32)
        winsock_spi_compile_fast(${name})
    else()
        add_library(${name} MODULE ${source})
        target_link_libraries(${name} PRIVATE winsock_spi_windows)
        winsock_spi_place(${name} ${CMAKE_BINARY_DIR}/bin/providers)
        if(EXISTS ${CMAKE_SOURCE_DIR}/test/windows/providers/${name}.def)
            winsock_spi_exports(${name} ${CMAKE_SOURCE_DIR}/test/windows/providers/${name}.def)
        else()
            winsock_spi_exports(${name} ${CMAKE_SOURCE_DIR}/test/windows/providers/provider.def)
        endif()
    endif()
endforeach()

# The Winsock conformance suite: one program of all the files in its folder.
file(GLOB conformance CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/windows/conformance/*.cpp)
winsock_spi_program(conformance ${CMAKE_BINARY_DIR}/bin/conformance ${conformance})
target_link_libraries(conformance PRIVATE ws2_32 mswsock user32)
winsock_spi_precompile(conformance <winsock2.h> <ws2tcpip.h> <mswsock.h> <windows.h> <source_location> <string>)
winsock_spi_compile_fast(conformance) # at -O2, besides, GCC 14 sees std::string exceed bounds that it keeps

# Providers as other vendors might have written them, each with its installer, and a program that makes traffic.
file(GLOB strangers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/windows/strangers/*.cpp)
set(strangers_def ${CMAKE_SOURCE_DIR}/test/windows/strangers/provider.def)
foreach(source IN LISTS strangers)
    cmake_path(GET source STEM name)
    if(name MATCHES "_setup$|^traffic$")
        winsock_spi_program(${name} ${CMAKE_BINARY_DIR}/bin/strangers ${source})
        target_link_libraries(${name} PRIVATE ws2_32 mswsock)
        winsock_spi_compile_fast(${name})
    else()
        add_library(${name} MODULE ${source})
        target_link_libraries(${name} PRIVATE winsock_spi_windows ws2_32)
        winsock_spi_place(${name} ${CMAKE_BINARY_DIR}/bin/strangers)
        winsock_spi_exports(${name} ${strangers_def})
    endif()
endforeach()

# The provider of docs/writing-a-provider.md.
add_library(port_guard MODULE ${CMAKE_SOURCE_DIR}/docs/samples/port_guard.cpp)
target_link_libraries(port_guard PRIVATE winsock_spi_windows ws2_32)
winsock_spi_place(port_guard ${CMAKE_BINARY_DIR}/bin/providers)
winsock_spi_exports(port_guard ${CMAKE_SOURCE_DIR}/docs/samples/port_guard.def)
