# Windows x86 with Debian's mingw-w64 (posix threads, GCC 14 in the pinned root).
set(WINSOCK_SPI_TRIPLE i686-w64-mingw32)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain-mingw.cmake)
