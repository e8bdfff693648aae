# The version of the package. package.json is the only place where it is written.
set(manifest ${CMAKE_SOURCE_DIR}/package.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
file(READ ${manifest} manifest)
string(JSON WINSOCK_SPI_VERSION GET "${manifest}" version)
if(NOT WINSOCK_SPI_VERSION MATCHES "^([0-9]+)\\.([0-9]+)\\.([0-9]+)")
    message(FATAL_ERROR "package.json has the version ${WINSOCK_SPI_VERSION}, which is not of the form 1.2.3")
endif()
set(WINSOCK_SPI_VERSION_MAJOR ${CMAKE_MATCH_1})
set(WINSOCK_SPI_VERSION_MINOR ${CMAKE_MATCH_2})
set(WINSOCK_SPI_VERSION_PATCH ${CMAKE_MATCH_3})

# winsock_spi_version(TARGET MAJOR MINOR PATCH): the version that native/core/version.hpp tells in that target.
function(winsock_spi_version target major minor patch)
    target_compile_definitions(${target} PRIVATE WINSOCK_SPI_VERSION_MAJOR=${major}
        WINSOCK_SPI_VERSION_MINOR=${minor} WINSOCK_SPI_VERSION_PATCH=${patch})
endfunction()
