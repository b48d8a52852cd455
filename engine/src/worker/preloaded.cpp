#include "worker/preloaded.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "support/system_error.hpp"

namespace bulkhead::worker {

void Preloaded::load(int fd, const std::string& shown_path) {
  struct stat file {};
  if (::fstat(fd, &file) != 0) support::raise_system_error(errno, "look at plugin \"" + shown_path + "\"", "memory");
  entries_.push_back({file.st_dev, file.st_ino, plugin::LoadedPlugin::load(fd, shown_path)});
}

std::optional<plugin::LoadedPlugin> Preloaded::find(int fd) const noexcept {
  struct stat file {};
  if (::fstat(fd, &file) != 0) return std::nullopt;
  for (const Entry& entry : entries_) {
    if (entry.device == file.st_dev && entry.inode == file.st_ino) return entry.plugin;
  }
  return std::nullopt;
}

}  // namespace bulkhead::worker
