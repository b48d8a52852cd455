#include "support/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace bulkhead::support {

namespace {
// Our levels are spdlog's numbers.
static_assert(static_cast<int>(LogLevel::kTrace) == SPDLOG_LEVEL_TRACE);
static_assert(static_cast<int>(LogLevel::kOff) == SPDLOG_LEVEL_OFF);

spdlog::level::level_enum spdlog_level(LogLevel level) { return static_cast<spdlog::level::level_enum>(level); }

// spdlog 1.10 has no callback sink of its own.
class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(Log::Sink target) : target_(std::move(target)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    target_(static_cast<LogLevel>(message.level), std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  Log::Sink target_;
};
}  // namespace

struct Log::Impl {
  spdlog::logger logger;
};

Log::Log(LogLevel level, Sink sink) {
  spdlog::sink_ptr target;
  if (sink) {
    target = std::make_shared<CallbackSink>(std::move(sink));
  } else {
    target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    target->set_pattern("bulkhead: %l: %v");
  }
  impl_ = std::make_unique<Impl>(Impl{spdlog::logger("bulkhead", std::move(target))});
  impl_->logger.set_level(spdlog_level(level));
  impl_->logger.set_error_handler([](const std::string&) {});  // a full disk must not become an error here
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view text) noexcept {
  try {
    impl_->logger.log(spdlog_level(level), text);
  } catch (...) {  // no memory for a log line: the line is lost, nothing else
  }
}

LogLevel log_level_from_environment() {
  const char* text = std::getenv("BULKHEAD_LOG");
  if (text == nullptr || *text == '\0') return LogLevel::kWarn;
  const auto level = spdlog::level::from_str(text);
  // from_str says "off" for what it does not know.
  if (level == spdlog::level::off && std::string_view(text) != "off") return LogLevel::kWarn;
  return static_cast<LogLevel>(level);
}

}  // namespace bulkhead::support
