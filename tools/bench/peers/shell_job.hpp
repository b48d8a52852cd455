// A command line that digests the files it is given on stdin, as somebody would type it.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::bench {

// A file that has no name, gone with its last descriptor.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text = "");
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  // Positioned at its beginning.
  [[nodiscard]] int descriptor() const;
  // For several writers at the same time, whose lines would overwrite each other's otherwise. The caller closes it.
  [[nodiscard]] int open_to_append() const;
  [[nodiscard]] std::string read_all() const;

 private:
  int fd_;
};

// Every regular file below a folder that can be read, at most so many; no links are followed.
[[nodiscard]] std::vector<std::string> files_below(const std::string& folder, std::size_t most);

// Seconds that the command takes for these paths, each ended by a NUL, on its stdin. Throws when it fails, or when its
// output does not have a line for each path.
[[nodiscard]] double time_job(const std::vector<std::string>& command, const std::vector<std::string>& paths);

}  // namespace bulkhead::bench
