// One connection to the controller; see controller_pipe.hpp.
#include "controller_pipe.hpp"

#include <cstring>
#include <string_view>

#include "spi/nt_api.hpp"
#include "spi/wide_text.hpp"

namespace winsock_spi::lsp {

namespace {

constexpr std::size_t largest_owner = 256; // an owner's descriptor: its header and one SID (68 bytes at most)

// S-1-5-32-544 (Administrators) and S-1-5-18 (SYSTEM), as SIDs are laid out.
constexpr std::array<std::uint8_t, 16> administrators{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
constexpr std::array<std::uint8_t, 12> system{1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};

template <std::size_t Size>
bool is_sid(std::string_view bytes, const std::array<std::uint8_t, Size>& sid) {
    return bytes.size() >= Size && std::memcmp(bytes.data(), sid.data(), Size) == 0;
}

// The owner as the bytes from its SID on; empty if there is none or it cannot be asked.
std::string_view owner_of(HANDLE file, std::array<char, largest_owner>& memory) {
    ULONG size = 0;
    const NTSTATUS status = spi::NtQuerySecurityObject(file, OWNER_SECURITY_INFORMATION, memory.data(),
                                                       static_cast<ULONG>(memory.size()), &size);
    SECURITY_DESCRIPTOR_RELATIVE header;
    if (!spi::nt_success(status) || size < sizeof(header) || size > memory.size()) {
        return {};
    }
    std::memcpy(&header, memory.data(), sizeof(header));
    if (header.Owner < sizeof(header) || header.Owner >= size) {
        return {};
    }
    return {memory.data() + header.Owner, size - header.Owner};
}

} // namespace

bool ControllerPipe::believed(std::uint32_t pid) const {
    ULONG server = 0;
    if (!GetNamedPipeServerProcessId(file_.get(), &server) || server != pid) {
        return false;
    }
    std::array<char, largest_owner> memory;
    const std::string_view owner = owner_of(file_.get(), memory);
    return is_sid(owner, administrators) || is_sid(owner, system);
}

ControllerPipe::Opened ControllerPipe::open(std::uint32_t pid) {
    close();
    spi::WideText<64> name;
    name << L"\\\\.\\pipe\\winsock-spi-controller-" << static_cast<unsigned long>(pid);
    // GENERIC_WRITE would ask for the right to make instances of the pipe too, which only administrators have. The
    // server may learn who we are, but not act for us.
    file_.reset(CreateFileW(name.c_str(), GENERIC_READ | FILE_WRITE_DATA, 0, nullptr, OPEN_EXISTING,
                            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
    if (!file_) {
        return GetLastError() == ERROR_PIPE_BUSY ? Opened::busy : Opened::no;
    }
    read_event_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    write_event_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    pid_ = pid;
    if (!read_event_ || !write_event_ || !believed(pid) || !read_on()) {
        close();
        return Opened::no;
    }
    return Opened::yes;
}

void ControllerPipe::close() {
    DWORD bytes = 0;
    if (reading_ || writing_) { // the structures and buffers are free only when the system has let go of them
        CancelIoEx(file_.get(), nullptr);
    }
    if (reading_) {
        GetOverlappedResult(file_.get(), &read_, &bytes, TRUE);
    }
    if (writing_) {
        GetOverlappedResult(file_.get(), &write_, &bytes, TRUE);
    }
    reading_ = false;
    writing_ = false;
    file_.reset();
    read_event_.reset();
    write_event_.reset();
    in_.clear();
    pid_ = 0;
}

bool ControllerPipe::read_on() {
    const auto room = in_.room();
    read_ = {};
    read_.hEvent = read_event_.get();
    reading_ = ReadFile(file_.get(), room.data(), static_cast<DWORD>(room.size()), nullptr, &read_) ||
               GetLastError() == ERROR_IO_PENDING;
    return reading_;
}

bool ControllerPipe::arrived() {
    DWORD bytes = 0;
    reading_ = false;
    if (!GetOverlappedResult(file_.get(), &read_, &bytes, FALSE)) {
        return false;
    }
    in_.arrived(bytes);
    return true;
}

bool ControllerPipe::write(std::size_t count) {
    write_ = {};
    write_.hEvent = write_event_.get();
    expected_ = static_cast<DWORD>(count * sizeof(core::ControllerRequest));
    writing_ = WriteFile(file_.get(), out_.data(), expected_, nullptr, &write_) || GetLastError() == ERROR_IO_PENDING;
    return writing_;
}

bool ControllerPipe::written() {
    DWORD bytes = 0;
    writing_ = false;
    // Otherwise its event would stay set, and the worker would never sleep again.
    ResetEvent(write_event_.get());
    return GetOverlappedResult(file_.get(), &write_, &bytes, FALSE) && bytes == expected_;
}

} // namespace winsock_spi::lsp
