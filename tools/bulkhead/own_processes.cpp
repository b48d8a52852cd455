#include "own_processes.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = "BULKHEAD_CHAOS";

// Descriptors come and go while this reads them: one that has gone is no error.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    found.push_back(entry->path());
  }
  return found;
}

// As much as can be read: of what goes away meanwhile the kernel fails the read, which iostreams' iterators throw.
std::string contents_of(const fs::path& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> block;
  for (;;) {
    const auto count = ::read(fd, block.data(), block.size());
    if (count <= 0 && !(count < 0 && errno == EINTR)) break;
    if (count > 0) text.append(block.data(), static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;
}

// The processes that descriptors of this one lead to, but for `except`'s; those that were reaped have no number.
std::vector<pid_t> watched_processes(int except) {
  std::vector<pid_t> found;
  for (const auto& entry : entries_of("/proc/self/fdinfo")) {
    if (entry.filename() == std::to_string(except)) continue;
    const std::string text = contents_of(entry);
    const auto at = text.find("\nPid:");
    if (at == std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::atol(text.c_str() + at + 5));
    if (pid > 0 && pid != ::getpid()) found.push_back(pid);
  }
  return found;
}

std::string mark_entry() { return std::string(kMark) + "=" + std::to_string(::getpid()); }

bool is_zombie(const fs::path& process) {
  const std::string stat = contents_of(process / "stat");
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() || stat[name_end + 2] == 'Z';
}

}  // namespace

ProcessHandle::ProcessHandle(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

ProcessHandle::ProcessHandle(ProcessHandle&& other) noexcept : pid_(other.pid_), fd_(std::exchange(other.fd_, -1)) {}

ProcessHandle& ProcessHandle::operator=(ProcessHandle&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}

ProcessHandle::~ProcessHandle() {
  if (fd_ >= 0) ::close(fd_);
}

bool ProcessHandle::is_engines_own() const {
  if (fd_ < 0) return false;
  for (const pid_t pid : watched_processes(fd_)) {
    if (pid == pid_) return true;
  }
  return false;
}

bool ProcessHandle::send(int signal) const noexcept {
  return fd_ >= 0 && ::syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0) == 0;
}

pid_t find_warden() {
  for (const pid_t pid : watched_processes(-1)) {
    if (contents_of("/proc/" + std::to_string(pid) + "/comm") == "bulkhead-warden\n") return pid;
  }
  return 0;
}

void mark_environment() { ::setenv(kMark, std::to_string(::getpid()).c_str(), 1); }

std::vector<pid_t> marked_processes() {
  const std::string entry = mark_entry() + '\0';
  std::vector<pid_t> found;
  for (const auto& process : entries_of("/proc")) {
    const auto pid = static_cast<pid_t>(std::atol(process.filename().c_str()));
    if (pid <= 0 || pid == ::getpid()) continue;
    const std::string environment = '\0' + contents_of(process / "environ");
    if (environment.find('\0' + entry) != std::string::npos && !is_zombie(process)) found.push_back(pid);
  }
  return found;
}

}  // namespace bulkhead::cli
