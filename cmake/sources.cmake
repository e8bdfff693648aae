# Reads native/sources.json, the one list of source files (binding.gyp reads it too).
set(WINSOCK_SPI_SOURCES_FILE ${CMAKE_SOURCE_DIR}/native/sources.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${WINSOCK_SPI_SOURCES_FILE})
file(READ ${WINSOCK_SPI_SOURCES_FILE} WINSOCK_SPI_SOURCES)

# winsock_spi_sources(NAME OUT): the files of list NAME.
function(winsock_spi_sources name out)
    string(JSON count LENGTH "${WINSOCK_SPI_SOURCES}" ${name})
    set(files "")
    if(count GREATER 0)
        math(EXPR last "${count} - 1")
        foreach(index RANGE ${last})
            string(JSON file GET "${WINSOCK_SPI_SOURCES}" ${name} ${index})
            list(APPEND files ${CMAKE_SOURCE_DIR}/${file})
        endforeach()
    endif()
    set(${out} ${files} PARENT_SCOPE)
endfunction()
