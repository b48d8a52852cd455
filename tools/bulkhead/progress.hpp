// A line on the terminal: how many items, how fast, how long still. Nothing where stderr is no terminal.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace bulkhead::cli {

class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] bool is_shown() const noexcept { return is_shown_; }
  // Redraws, ten times a second at most.
  void update(std::uint64_t done, std::uint64_t failed, std::optional<double> fraction);
  // Takes the line away, so that other lines can be written; the next update() draws it again.
  void clear();

  [[nodiscard]] double seconds() const;

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_;
  bool is_shown_;
  bool has_colour_;
  bool is_drawn_ = false;
};

}  // namespace bulkhead::cli
