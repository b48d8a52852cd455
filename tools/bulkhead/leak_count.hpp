// What an engine leaves behind: processes, threads, descriptors and names in /dev/shm that were not there before it.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace bulkhead::cli {

class LeakCount {
 public:
  // Remembers what there is now. Before the engine is made, and after mark_environment().
  LeakCount();

  // One text for each thing that is left. What was told to end may take a moment: waits for it, at most `limit`.
  [[nodiscard]] std::vector<std::string> left(std::chrono::seconds limit) const;

 private:
  [[nodiscard]] std::vector<std::string> left_now() const;

  std::size_t threads_;
  std::map<int, std::string> descriptors_;
};

}  // namespace bulkhead::cli
