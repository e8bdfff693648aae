# What the two mingw-w64 toolchains have in common. Included, never used directly.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_VERSION 10.0)
if(WINSOCK_SPI_TRIPLE STREQUAL "x86_64-w64-mingw32")
    set(CMAKE_SYSTEM_PROCESSOR AMD64)
else()
    set(CMAKE_SYSTEM_PROCESSOR X86)
endif()

# Debian installs two thread models side by side and the plain name is whichever alternative was chosen last;
# std::mutex and std::thread need the posix one.
find_program(CMAKE_CXX_COMPILER NAMES ${WINSOCK_SPI_TRIPLE}-g++-posix ${WINSOCK_SPI_TRIPLE}-g++ REQUIRED)
find_program(CMAKE_DLLTOOL NAMES ${WINSOCK_SPI_TRIPLE}-dlltool REQUIRED)
find_program(CMAKE_RC_COMPILER NAMES ${WINSOCK_SPI_TRIPLE}-windres REQUIRED)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "Flags of release builds")
# CMake's default names a dozen system libraries; each target names the few it needs.
set(CMAKE_CXX_STANDARD_LIBRARIES "-lkernel32" CACHE STRING "Libraries that every target links")

set(CMAKE_FIND_ROOT_PATH /usr/${WINSOCK_SPI_TRIPLE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
