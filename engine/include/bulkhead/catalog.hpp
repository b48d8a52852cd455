// What an engine knows of a task without running anything.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bulkhead {

// A call that the author of a task wrote down, and what it returns (.example() in the SDK).
struct TaskExample {
  std::string arguments;  // a JSON array
  std::string result;     // JSON; null for a task that returns nothing
};

// One task of engine.tasks(), as its plugin's catalogue describes it.
struct CatalogEntry {
  std::string name;                      // "math.add"
  std::string signature;                 // "(i64,i64)->i64"
  std::string plugin;                    // "math"
  std::string version;                   // the plugin's
  std::string doc;                       // empty when the author wrote none
  std::vector<std::string> param_names;  // empty when the author gave none
  // The author's defaults; zero: none.
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds soft_timeout{};  // zero: none
  int retries = 0;                          // counts only where is_idempotent
  bool is_idempotent = false;               // running it again is harmless
  std::vector<TaskExample> examples;        // in the order written
};

}  // namespace bulkhead
