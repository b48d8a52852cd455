#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "failures.hpp"

namespace bulkhead::cli {

Output::Output(const std::string& file, Contents contents) : file_(file) {
  const int how = contents == Contents::kEmptied ? O_WRONLY | O_TRUNC : O_RDWR | O_APPEND;
  fd_ = ::open(file.c_str(), how | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw UsageFailure("cannot write to \"" + file + "\": " + std::strerror(errno));
  is_terminal_ = ::isatty(fd_) == 1;
  struct stat status {};
  if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
    written_ = static_cast<std::uint64_t>(status.st_size);
  }
}

Output::~Output() {
  if (!file_.empty() && fd_ >= 0) ::close(fd_);
}

std::string Output::shown() const { return file_.empty() ? "standard output" : '"' + file_ + '"'; }

void Output::add_line(std::string_view line) {
  buffer_ += line;
  buffer_ += '\n';
}

namespace {

// What one write() takes. A file takes any number of lines whole. A pipe that is full takes the beginning of them, and a
// second Ctrl-C would leave it at that, but up to PIPE_BUF bytes it takes whole or not at all.
std::string_view first_piece(std::string_view lines, bool is_file) {
  if (is_file || lines.size() <= PIPE_BUF) return lines;
  const auto last = lines.rfind('\n', PIPE_BUF - 1);
  return lines.substr(0, last != std::string_view::npos ? last + 1 : lines.find('\n') + 1);
}

}  // namespace

void Output::flush() {
  std::string_view rest = buffer_;
  struct stat status {};
  const bool is_file = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
  while (!rest.empty()) {
    const auto piece = first_piece(rest, is_file);
    const auto count = ::write(fd_, piece.data(), piece.size());
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
      written_ += static_cast<std::uint64_t>(count);
      continue;
    }
    // Interrupted: the lines are written all the same; a second Ctrl-C ends the program.
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      // Whoever shares the pipe or terminal with us made it non-blocking.
      pollfd writable{fd_, POLLOUT, 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    const int error = errno;
    buffer_.clear();
    if (error == EPIPE) throw OutputClosed();
    throw IoFailure("cannot write to " + shown() + ": " + std::strerror(error));
  }
  buffer_.clear();
  last_flush_ = std::chrono::steady_clock::now();
}

void Output::cut(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    throw IoFailure("cannot shorten " + shown() + ": " + std::strerror(errno));
  }
  written_ = size;
}

void Output::sync() const {
  if (::fdatasync(fd_) != 0) throw IoFailure("cannot write to " + shown() + ": " + std::strerror(errno));
}

void Output::finish() {
  flush();
  if (!file_.empty() && ::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    throw IoFailure("cannot write to " + shown() + ": " + std::strerror(errno));
  }
}

}  // namespace bulkhead::cli
