#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bulkhead::cli {

namespace {

constexpr auto kPause = std::chrono::milliseconds(100);
constexpr int kBarCells = 24;

bool has_text(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool is_dumb_terminal() {
  const char* const term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) == "dumb";
}

std::string bar(double fraction) {
  const int full = static_cast<int>(fraction * kBarCells);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(kBarCells - full), ' ') + "] ";
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(std::min(seconds, 359999.0));
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text.data();
}

}  // namespace

Progress::Progress()
    : drawn_(started_),
      is_shown_(::isatty(STDERR_FILENO) == 1 && !is_dumb_terminal()),
      has_colour_(!has_text("NO_COLOR")) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void Progress::update(std::uint64_t done, std::uint64_t failed, std::optional<double> fraction) {
  if (!is_shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < kPause) return;
  drawn_ = now;
  const double elapsed = seconds();
  std::string line = "\r\x1b[K";
  if (fraction) line += bar(*fraction);
  line += std::to_string(done) + " items, " +
          std::to_string(static_cast<std::uint64_t>(static_cast<double>(done) / elapsed)) + "/s";
  if (fraction && *fraction > 0) line += ", " + clock_text(elapsed / *fraction - elapsed) + " left";
  if (failed > 0) {
    if (has_colour_) line += "\x1b[31m";
    line += ", " + std::to_string(failed) + (failed == 1 ? " error" : " errors");
    if (has_colour_) line += "\x1b[0m";
  }
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  is_drawn_ = true;
}

void Progress::clear() {
  if (!is_drawn_) return;
  constexpr std::string_view kClear = "\r\x1b[K";
  (void)!::write(STDERR_FILENO, kClear.data(), kClear.size());
  is_drawn_ = false;
}

}  // namespace bulkhead::cli
