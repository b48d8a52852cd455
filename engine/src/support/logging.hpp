// Where the engine's own log lines go: a spdlog logger that only this object knows.
//
// The embedding program's spdlog registry is never touched, and nothing is written to stdout.
// Threads: any. Failure: a line that cannot be written is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::support {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kOff };

class Log {
 public:
  using Sink = std::function<void(LogLevel, std::string_view)>;

  static constexpr const char* kDefaultPattern = "bulkhead: %l: %v";

  // Lines of at least `level` go to `sink`; or, when there is none, to stderr in this form (spdlog's placeholders). A
  // line that stderr does not take at once is left out, and counted in the next that it takes: nobody waits for it.
  explicit Log(LogLevel level, Sink sink = {}, const std::string& pattern = kDefaultPattern);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool shows(LogLevel level) const noexcept;
  void write(LogLevel level, std::string_view text) noexcept;
  void debug(std::string_view text) noexcept { write(LogLevel::kDebug, text); }
  void info(std::string_view text) noexcept { write(LogLevel::kInfo, text); }
  void warn(std::string_view text) noexcept { write(LogLevel::kWarn, text); }
  void error(std::string_view text) noexcept { write(LogLevel::kError, text); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What spdlog calls a level ("debug", "info", "warning", …); nullopt: no level.
[[nodiscard]] std::optional<LogLevel> log_level_of(std::string_view name);
// Of $BULKHEAD_LOG.
[[nodiscard]] std::optional<LogLevel> log_level_from_environment();

}  // namespace bulkhead::support
