// Reads a regular file from beginning to end, and refuses everything else without touching it.
//
// Ownership: RegularFile owns its descriptor (close-on-exec).
// Threads:   a RegularFile belongs to one thread; read_blocks may run in many at once.
// Failure:   std::system_error; what() carries the operation, the quoted path and the reason. A
// FIFO, a
//            device or a socket is an error at once, never a wait for somebody to write to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace plugin_support {

class RegularFile {
 public:
  explicit RegularFile(const std::filesystem::path& path);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  // Fills the front of `buffer` and says with how many bytes; 0 only at the end of the file. Once that was seen, what is
  // added behind it is not read any more.
  [[nodiscard]] std::size_t read_some(std::span<std::byte> buffer);

 private:
  std::string path_;  // a path would take itself apart to be copied
  int fd_;
  std::uint64_t size_bytes_ = 0;  // as it was opened
  std::uint64_t read_bytes_ = 0;
  bool is_at_end_ = false;
};

// This thread's own block to read into; its contents last until the thread's next use of it.
[[nodiscard]] std::span<std::byte> read_buffer();

// Calls take(std::span<const std::byte>) with every piece of the file in order; never with an
// empty one. `take` must not read another file through read_blocks: both would share one buffer.
template <class Take>
void read_blocks(const std::filesystem::path& path, Take&& take) {
  RegularFile file(path);
  const std::span<std::byte> buffer = read_buffer();
  while (const std::size_t size_bytes = file.read_some(buffer)) {
    take(std::span<const std::byte>(buffer.first(size_bytes)));
  }
}

// All of a file. Throws std::system_error (EFBIG) when it has more than `max_bytes`.
[[nodiscard]] std::vector<std::byte> read_whole(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace plugin_support
