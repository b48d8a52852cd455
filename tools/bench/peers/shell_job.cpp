#include "peers/shell_job.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "child.hpp"
#include "clocks.hpp"

namespace bulkhead::bench {

namespace {

constexpr std::chrono::minutes kPatience{5};

struct FileDescriptor {
  explicit FileDescriptor(int fd) : value(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { ::close(value); }
  int value;
};
}  // namespace

MemoryFile::MemoryFile(const std::string& text) : fd_(::memfd_create("bulkhead-bench", MFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "no file in memory can be made");
  for (std::size_t done = 0; done < text.size();) {
    const auto written = ::write(fd_, text.data() + done, text.size() - done);
    if (written <= 0) throw std::system_error(errno, std::generic_category(), "a file in memory cannot be written");
    done += static_cast<std::size_t>(written);
  }
}

MemoryFile::~MemoryFile() { ::close(fd_); }

int MemoryFile::descriptor() const {
  ::lseek(fd_, 0, SEEK_SET);
  return fd_;
}

int MemoryFile::open_to_append() const {
  const auto path = "/proc/self/fd/" + std::to_string(fd_);
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "a file in memory cannot be opened");
  return fd;
}

std::string MemoryFile::read_all() const {
  std::string text;
  std::array<char, 65536> buffer;
  const int fd = descriptor();
  for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<std::string> files_below(const std::string& folder, std::size_t most) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end && paths.size() < most;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_symlink(ignored) || !entry->is_regular_file(ignored)) continue;
    if (::access(entry->path().c_str(), R_OK) == 0) paths.push_back(entry->path());
  }
  return paths;
}

double time_job(const std::vector<std::string>& command, const std::vector<std::string>& paths) {
  std::string list;
  for (const auto& path : paths) list += path + '\0';
  const MemoryFile in(list);
  const MemoryFile out;
  const int from = in.descriptor();
  const FileDescriptor to(out.open_to_append());
  const auto begin = Clock::now();
  const int status = Child::run_program(command, from, to.value).wait(kPatience);
  const double took = seconds(Clock::now() - begin);
  if (status != 0) throw std::runtime_error(command[0] + " ended with " + std::to_string(status));
  const auto text = out.read_all();
  if (static_cast<std::size_t>(std::ranges::count(text, '\n')) != paths.size()) {
    throw std::runtime_error(command[0] + " has not digested every file");
  }
  return took;
}

}  // namespace bulkhead::bench
