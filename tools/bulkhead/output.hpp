// Where results go: stdout or a file, whole lines at a time.
//
// Ownership: owns the file it opened, not stdout.
// Threads:   one at a time.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace bulkhead::cli {

class Output {
 public:
  // Stdout.
  Output() = default;
  // Creates or empties the file, or creates it or goes on behind what it holds. Throws UsageFailure when it cannot.
  enum class Contents : bool { kEmptied, kKept };
  explicit Output(const std::string& file, Contents contents = Contents::kEmptied);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // Adds a line, whose newline is supplied.
  void add_line(std::string_view line);
  // Lets the caller build a line in place; it must add its newline.
  [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
  // Enough has come together to be written.
  [[nodiscard]] bool is_full() const noexcept { return buffer_.size() >= kBufferBytes; }
  // Throws OutputClosed when nobody reads any more, IoFailure when the bytes find no place.
  void flush();
  // Writes the rest and sees it accepted: a network file system may refuse only now.
  void finish();
  // Takes away what lies behind so many bytes. Requires: a regular file, and nothing in the buffer.
  void cut(std::uint64_t size);
  // Waits until the disk has it. Requires: a regular file.
  void sync() const;

  [[nodiscard]] bool is_empty() const noexcept { return buffer_.empty(); }
  [[nodiscard]] std::chrono::steady_clock::time_point last_flush() const noexcept { return last_flush_; }
  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }
  // Whether the file of this number in this folder is what is written to.
  [[nodiscard]] bool is_same_file(dev_t device, ino_t inode) const noexcept {
    return inode_ != 0 && device == device_ && inode == inode_;
  }
  [[nodiscard]] ino_t inode() const noexcept { return inode_; }
  [[nodiscard]] bool is_regular_file() const noexcept { return inode_ != 0; }
  // Bytes before and in the buffer. Of a regular file.
  [[nodiscard]] std::uint64_t end() const noexcept { return written_ + buffer_.size(); }
  [[nodiscard]] int descriptor() const noexcept { return fd_; }

 private:
  static constexpr std::size_t kBufferBytes = 256 << 10;

  [[nodiscard]] std::string shown() const;

  std::string file_;  // empty: stdout
  int fd_ = STDOUT_FILENO;
  bool is_terminal_ = ::isatty(fd_) == 1;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: not a regular file
  std::string buffer_;
  std::uint64_t written_ = 0;
  std::chrono::steady_clock::time_point last_flush_{};
};

}  // namespace bulkhead::cli
