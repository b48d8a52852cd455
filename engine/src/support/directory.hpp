// The names in a folder.
//
// Not std::filesystem::directory_iterator: where there is no memory for an entry, libstdc++'s ends the program.
//
// Ownership: the open folder.
// Threads:   one at a time.
// Failure:   a folder that cannot be read has no names; errno says why after the constructor.
#pragma once

#include <dirent.h>

#include <memory>
#include <string_view>

namespace bulkhead::support {

class Directory {
 public:
  explicit Directory(const char* path) noexcept : open_(::opendir(path)) {}

  [[nodiscard]] bool is_open() const noexcept { return open_ != nullptr; }
  // Of an open one.
  [[nodiscard]] int fd() const noexcept { return ::dirfd(open_.get()); }

  // In no order, without "." and "..". Null: that was all. Good until the next call.
  [[nodiscard]] const char* next() noexcept {
    if (!is_open()) return nullptr;
    while (const dirent* const entry = ::readdir(open_.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") return entry->d_name;
    }
    return nullptr;
  }

 private:
  struct Close {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
  };
  std::unique_ptr<DIR, Close> open_;
};

}  // namespace bulkhead::support
