# Unit tests and fuzzers of native/core on Linux: one executable per test/native/test_*.cpp and fuzz_*.cpp.
winsock_spi_sources(core core)
file(GLOB suites CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/native/test_*.cpp ${CMAKE_SOURCE_DIR}/test/native/fuzz_*.cpp)
find_package(Threads REQUIRED)

add_library(winsock_spi_sanitized INTERFACE)
target_link_libraries(winsock_spi_sanitized INTERFACE winsock_spi_flags Threads::Threads)
target_compile_options(winsock_spi_sanitized INTERFACE
    -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all)
target_link_options(winsock_spi_sanitized INTERFACE -fsanitize=address,undefined)

if(core)
    add_library(winsock_spi_core STATIC ${core})
    target_link_libraries(winsock_spi_core PUBLIC winsock_spi_sanitized)
endif()

foreach(source IN LISTS suites)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/native)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/test/native)
    target_link_libraries(${name} PRIVATE winsock_spi_sanitized)
    if(core)
        target_link_libraries(${name} PRIVATE winsock_spi_core)
    endif()
endforeach()

# ThreadSanitizer cannot be together with the others in one program: the tests of many threads are built once more.
set(threaded test_ring_threads test_handle_table test_transports)
foreach(suite IN LISTS threaded)
    set(name test_tsan_${suite})
    add_executable(${name} ${CMAKE_SOURCE_DIR}/test/native/${suite}.cpp ${core})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/native)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/test/native)
    target_link_libraries(${name} PRIVATE winsock_spi_flags Threads::Threads)
    target_compile_options(${name} PRIVATE -O1 -g -fno-omit-frame-pointer -fsanitize=thread)
    target_link_options(${name} PRIVATE -fsanitize=thread)
endforeach()

# What benchmarks measure, as it is in the provider: optimised, without sanitizers.
add_executable(policy_decisions ${CMAKE_SOURCE_DIR}/test/windows/programs/policy_decisions.cpp ${core})
set_target_properties(policy_decisions PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/bench)
target_link_libraries(policy_decisions PRIVATE winsock_spi_flags)
target_compile_options(policy_decisions PRIVATE -O2)
