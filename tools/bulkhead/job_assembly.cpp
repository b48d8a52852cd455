#include "job_assembly.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "failures.hpp"

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

std::string new_file_of(const std::string& output) { return output + ".bulkhead-new"; }

[[noreturn]] void fail(const std::string& what, const std::string& file) {
  throw IoFailure("cannot " + what + " \"" + file + "\": " + std::strerror(errno));
}

class OpenFile {
 public:
  OpenFile(std::string name, int flags, mode_t mode = 0)
      : name_(std::move(name)), fd_(::open(name_.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("open", name_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  int fd_;
};

void copy(const OpenFile& from, const JobHistory::Range& range, const OpenFile& to) {
  auto at = static_cast<off_t>(range.at);
  for (std::uint64_t left = range.size; left > 0;) {
    constexpr std::uint64_t kMostBytes = 1u << 30;  // sendfile's own limit is a little below 2 GiB
    const ssize_t count = ::sendfile(to.fd(), from.fd(), &at, std::min(left, kMostBytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write to", to.name());
    if (count == 0) throw IoFailure("\"" + from.name() + "\" was made shorter while it was read");
    left -= static_cast<std::uint64_t>(count);
  }
}

void rename_over(const std::string& output) {
  const std::string new_file = new_file_of(output);
  if (std::rename(new_file.c_str(), output.c_str()) != 0) fail("rename", new_file);
}

}  // namespace

void settle_assembly(const std::string& output, const JobHistory& history) {
  const std::string new_file = new_file_of(output);
  std::error_code error;
  const auto size = fs::file_size(new_file, error);
  if (error) return;  // there is none
  if (history.ends_assembled() && size == history.output_bytes()) return rename_over(output);
  fs::remove(new_file, error);
}

void assemble(const std::string& output, const JobHistory& history, JobLog& log) {
  const auto ranges = history.assembly();
  std::uint64_t size = 0;
  for (const auto& range : ranges) size += range.size;
  const bool is_in_order = ranges.size() <= 1 && size == history.output_bytes();
  if (is_in_order) return;
  {
    const OpenFile from(output, O_RDONLY);
    struct stat status {};
    if (::fstat(from.fd(), &status) != 0) fail("read", output);
    const OpenFile to(new_file_of(output), O_WRONLY | O_CREAT | O_TRUNC, status.st_mode & 07777);
    for (const auto& range : ranges) copy(from, range, to);
    if (::fsync(to.fd()) != 0) fail("write to", to.name());
  }
  log.add_assembled(size);
  rename_over(output);
}

}  // namespace bulkhead::cli
