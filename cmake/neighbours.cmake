# The provider as its neighbouring versions would be, for the tests of upgrades: the objects of winsock_spi_lsp, with
# the three files that know the version and the ABI numbers compiled again. Into <build>/bin/neighbours/<name>:
#   next           the next minor version
#   ring_newer     writes rings of the next ABI          ring_older     of the previous one
#   control_newer  knows control files of the next ABI   control_older  of the previous one at most
if(NOT TARGET winsock_spi_lsp)
    return()
endif()

set(lsp_files ${lsp} ${core_lsp} ${spi_lsp})
list(FILTER lsp_files INCLUDE REGEX "/(lsp/ring_file|lsp/control_view|core/ring)\\.cpp$")
math(EXPR next_minor "${WINSOCK_SPI_VERSION_MINOR} + 1")

# What ABI numbers the headers have.
file(STRINGS ${CMAKE_SOURCE_DIR}/native/core/ring_format.hpp ring_abi REGEX "^#define WINSOCK_SPI_RING_ABI ")
file(STRINGS ${CMAKE_SOURCE_DIR}/native/core/control_format.hpp control_abi REGEX "^#define WINSOCK_SPI_CONTROL_ABI ")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/native/core/ring_format.hpp ${CMAKE_SOURCE_DIR}/native/core/control_format.hpp)
foreach(abi ring_abi control_abi)
    string(REGEX REPLACE "^.* " "" ${abi} "${${abi}}")
    math(EXPR ${abi}_newer "${${abi}} + 1")
    math(EXPR ${abi}_older "${${abi}} - 1")
endforeach()

function(winsock_spi_neighbour name)
    set(target neighbour_${name})
    add_library(${target} MODULE ${lsp_files})
    target_sources(${target} PRIVATE
        "$<FILTER:$<TARGET_OBJECTS:winsock_spi_lsp>,EXCLUDE,[/\\\\](ring_file|control_view|ring)(\\.cpp)?\\.obj$>")
    target_link_libraries(${target} PRIVATE winsock_spi_freestanding)
    target_compile_definitions(${target} PRIVATE ${ARGN})
    winsock_spi_version(${target} ${WINSOCK_SPI_VERSION_MAJOR} ${next_minor} ${WINSOCK_SPI_VERSION_PATCH})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME winsock_spi_lsp)
    winsock_spi_place(${target} ${CMAKE_BINARY_DIR}/bin/neighbours/${name})
    winsock_spi_exports(${target} ${CMAKE_SOURCE_DIR}/native/lsp/winsock_spi_lsp.def)
endfunction()

winsock_spi_neighbour(next)
foreach(side newer older)
    winsock_spi_neighbour(ring_${side} WINSOCK_SPI_RING_ABI=${ring_abi_${side}})
    winsock_spi_neighbour(control_${side} WINSOCK_SPI_CONTROL_ABI=${control_abi_${side}})
endforeach()
