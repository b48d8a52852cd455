// Where the engine's own log lines go: a spdlog logger that only this object knows.
//
// The embedding program's spdlog registry is never touched, and nothing is written to stdout.
// Threads: any. Failure: a line that cannot be written is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace bulkhead::support {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kOff };

class Log {
 public:
  using Sink = std::function<void(LogLevel, std::string_view)>;

  // Lines of at least `level` go to `sink`, or to stderr when there is none.
  explicit Log(LogLevel level, Sink sink = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(LogLevel level, std::string_view text) noexcept;
  void debug(std::string_view text) noexcept { write(LogLevel::kDebug, text); }
  void info(std::string_view text) noexcept { write(LogLevel::kInfo, text); }
  void warn(std::string_view text) noexcept { write(LogLevel::kWarn, text); }
  void error(std::string_view text) noexcept { write(LogLevel::kError, text); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The level of $BULKHEAD_LOG ("debug", "info", …); kWarn when unset or not a level.
[[nodiscard]] LogLevel log_level_from_environment();

}  // namespace bulkhead::support
