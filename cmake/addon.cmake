# winsock_spi.node: the Node-API addon. One binary for every Node from 20 on (NAPI_VERSION 8).
winsock_spi_sources(addon addon)
if(NOT addon)
    return()
endif()

set(modules ${CMAKE_SOURCE_DIR}/node_modules)
set(node_def ${modules}/node-api-headers/def/node_api.def)
set(node_library ${CMAKE_BINARY_DIR}/lib/node.lib)

# The functions of node.exe come from an import library made of node-api-headers' list, never from a downloaded
# node.lib: nothing is fetched, and only Node-API functions can be called.
if(MSVC)
    if(CMAKE_CXX_COMPILER_ARCHITECTURE_ID)
        set(machine ${CMAKE_CXX_COMPILER_ARCHITECTURE_ID})
    else()
        set(machine ${MSVC_CXX_ARCHITECTURE_ID})
    endif()
    set(make_library ${CMAKE_AR} /nologo /def:${node_def} /out:${node_library} /machine:${machine})
else()
    set(make_library ${CMAKE_DLLTOOL} -d ${node_def} -D node.exe -l ${node_library})
endif()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
add_custom_command(OUTPUT ${node_library} COMMAND ${make_library} DEPENDS ${node_def} VERBATIM
    COMMENT "Making the import library of node.exe")
add_custom_target(winsock_spi_node_library DEPENDS ${node_library})

add_library(winsock_spi MODULE ${addon})
add_dependencies(winsock_spi winsock_spi_node_library)
set_property(TARGET winsock_spi APPEND PROPERTY LINK_DEPENDS ${node_library})
target_compile_definitions(winsock_spi PRIVATE NAPI_VERSION=8 NODE_GYP_MODULE_NAME=winsock_spi BUILDING_NODE_EXTENSION
    NAPI_CPP_EXCEPTIONS NODE_ADDON_API_DISABLE_DEPRECATED NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
target_include_directories(winsock_spi SYSTEM PRIVATE ${modules}/node-addon-api ${modules}/node-api-headers/include)
target_link_libraries(winsock_spi PRIVATE winsock_spi_windows winsock_spi_small winsock_spi_spi winsock_spi_core
    advapi32 bcrypt shell32 ole32 user32 ${node_library})
set_target_properties(winsock_spi PROPERTIES SUFFIX .node)
winsock_spi_precompile(winsock_spi ${windows_headers} <napi.h> <algorithm> <memory> <string> <vector>)
winsock_spi_place(winsock_spi ${WINSOCK_SPI_OUTPUT})
if(MSVC)
    # A host may be called other than node.exe (Electron): resolve "node.exe" to the running program at first use.
    if(NOT CMAKE_JS_SRC)
        set(CMAKE_JS_SRC ${modules}/cmake-js/lib/cpp/win_delay_load_hook.cc)
    endif()
    target_sources(winsock_spi PRIVATE ${CMAKE_JS_SRC})
    target_link_libraries(winsock_spi PRIVATE delayimp)
    target_link_options(winsock_spi PRIVATE /DELAYLOAD:NODE.EXE)
endif()
