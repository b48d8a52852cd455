// One line on the terminal: how much is done, how long it will still take. Nothing where stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace render {

class ProgressBar {
 public:
  explicit ProgressBar(std::uint64_t total);
  ~ProgressBar();  // takes the line away
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::uint64_t done);

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_ = started_;
  std::uint64_t total_;
  bool is_shown_;
};

}  // namespace render
