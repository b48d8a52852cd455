// bulkhead::Log as a spdlog logger, for plugins whose code already logs that way.
//
// Ownership: the logger owns its sink; both may outlive the call, the worker's table lives as long
// as the process. Threads:   any; the worker's log() is free of locks for the caller. The logger is
// never put into spdlog's registry, which plugins of one worker might share. Link fmt::fmt.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <bulkhead/sdk/log.hpp>

namespace bulkhead {

// Hands each message's text to a Log. Patterns do not apply: the host adds time, level and name.
class LogSink final : public spdlog::sinks::sink {
 public:
  // Writes to `log`.
  explicit LogSink(Log log) : log_(log) {}

  // For spdlog: one line.
  void log(const spdlog::details::log_msg& message) override {
    log_.write(static_cast<int>(message.level), {message.payload.data(), message.payload.size()});
  }
  // Nothing to do: a line is on its way at once.
  void flush() override {}
  // Ignored.
  void set_pattern(const std::string&) override {}
  // Ignored.
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  Log log_;
};

// A logger that writes to `log`: auto logger = bulkhead::spdlog_logger(plugin.log()). All levels
// are on.
inline std::shared_ptr<spdlog::logger> spdlog_logger(Log log, std::string name = "bulkhead") {
  auto logger = std::make_shared<spdlog::logger>(std::move(name), std::make_shared<LogSink>(log));
  logger->set_level(spdlog::level::trace);
  return logger;
}

}  // namespace bulkhead
