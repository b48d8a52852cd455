#include "progress_bar.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

namespace render {

ProgressBar::ProgressBar(std::uint64_t total) : total_(total), is_shown_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(std::uint64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_shown_ || done == 0 || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  constexpr int kCells = 40;
  const double part = static_cast<double>(done) / static_cast<double>(total_);
  std::string cells(kCells, ' ');
  cells.replace(0, static_cast<std::size_t>(part * kCells), static_cast<std::size_t>(part * kCells), '#');
  const double seconds = std::chrono::duration<double>(now - started_).count();
  std::fprintf(stderr, "\r\x1b[K[%s] %3.0f %%, %.0f s left", cells.c_str(), 100 * part, seconds / part - seconds);
}

}  // namespace render
