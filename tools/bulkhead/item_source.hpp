// Where a map's items come from.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace bulkhead::cli {

// What an item is, before it becomes arguments.
enum class ItemForm : std::uint8_t {
  kJson,  // a line of JSON
  kText,  // a line, or what stands between two NULs
  kFile,  // a file's path
};

// When a worker could have begun it, and how long its result took from then on: its wait for a worker too.
struct ItemTiming {
  std::chrono::system_clock::time_point start;
  double seconds = 0;
};

struct Item {
  std::string text;
  std::string error;        // why it could not be read; empty: it could
  std::uint64_t bytes = 0;  // of the file, where the source was asked to count
  std::uint64_t index = 0;  // from 0; not the source's to say
  std::optional<ItemTiming> timing = {};
};

class ItemSource {
 public:
  enum class Next : std::uint8_t {
    kItem,
    kLater,  // nothing before descriptor() can be read again
    kEnd,
  };

  virtual ~ItemSource() = default;
  // Fills in `item`. Throws IoFailure when there can be no further items.
  [[nodiscard]] virtual Next next(Item& item) = 0;
  [[nodiscard]] virtual int descriptor() const { return -1; }
  // How much of the input was taken, from 0 to 1; empty: nobody knows.
  [[nodiscard]] virtual std::optional<double> fraction() const { return std::nullopt; }
};

}  // namespace bulkhead::cli
