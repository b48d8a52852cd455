// The plugins that a template has loaded, for the workers forked from it.
//
// Threads: one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "plugin/loader.hpp"

namespace bulkhead::worker {

class Preloaded {
 public:
  // Loads it; what loading throws. `fd` stays open: the loader knows the library by it.
  void load(int fd, const std::string& shown_path);
  // The one loaded from the file that this descriptor is of; empty: there is none.
  [[nodiscard]] std::optional<plugin::LoadedPlugin> find(int fd) const noexcept;

 private:
  struct Entry {
    dev_t device;
    ino_t inode;
    plugin::LoadedPlugin plugin;
  };
  std::vector<Entry> entries_;
};

}  // namespace bulkhead::worker
