# The native programs of the benchmarks: one EXE per bench/native/*.cpp, into <build>/bin/bench. They are measured, or
# measure, so they are optimised like the provider.
file(GLOB benchmarks CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/native/*.cpp)
foreach(source IN LISTS benchmarks)
    cmake_path(GET source STEM name)
    winsock_spi_program(bench_${name} ${CMAKE_BINARY_DIR}/bin/bench ${source})
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name})
endforeach()

# Plays Winsock itself: nothing of the system's may be in it.
target_link_libraries(bench_calls PRIVATE winsock_spi_spi winsock_spi_core advapi32 bcrypt shell32 ole32)
target_link_libraries(bench_start PRIVATE ws2_32)
