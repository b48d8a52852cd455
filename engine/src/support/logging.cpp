#include "support/logging.hpp"

#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>
#include <climits>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

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

// Writes only what is taken at once: nobody may read the host's stderr, or a terminal be stopped (Ctrl-S), and the pump
// thread must not wait for them.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!takes_a_line()) {
      ++left_out_;
      return;
    }
    if (left_out_ > 0) {
      // In a variable: log_msg only refers to its text.
      const std::string text =
          std::to_string(std::exchange(left_out_, 0)) + " log lines were left out: nobody read them";
      put(spdlog::details::log_msg("bulkhead", spdlog::level::warn, text));
      if (!takes_a_line()) {
        ++left_out_;
        return;
      }
    }
    put(message);
  }
  void flush_() override {}

  // A pipe says so while it has room for PIPE_BUF bytes, files and terminals for less than a line.
  static bool takes_a_line() noexcept {
    pollfd to{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&to, 1, 0) == 1 && (to.revents & POLLOUT) != 0;
  }

  void put(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    // In pieces that a pipe takes whole, for what is longer than a pipe surely has room for.
    for (std::size_t done = 0; done < line.size() && (done == 0 || takes_a_line());) {
      const ssize_t wrote =
          ::write(STDERR_FILENO, line.data() + done, std::min<std::size_t>(line.size() - done, PIPE_BUF));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return;
      done += static_cast<std::size_t>(wrote);
    }
  }

  std::uint64_t left_out_ = 0;
};
}  // namespace

struct Log::Impl {
  spdlog::logger logger;
};

Log::Log(LogLevel level, Sink sink, const std::string& pattern) {
  spdlog::sink_ptr target;
  if (sink) {
    target = std::make_shared<CallbackSink>(std::move(sink));
  } else {
    target = std::make_shared<StderrSink>();
    target->set_pattern(pattern);
  }
  impl_ = std::make_unique<Impl>(Impl{spdlog::logger("bulkhead", std::move(target))});
  impl_->logger.set_level(spdlog_level(level));
  impl_->logger.set_error_handler([](const std::string&) {});  // a full disk must not become an error here
}

Log::~Log() = default;

bool Log::shows(LogLevel level) const noexcept { return impl_->logger.should_log(spdlog_level(level)); }

void Log::write(LogLevel level, std::string_view text) noexcept {
  try {
    impl_->logger.log(spdlog_level(level), text);
  } catch (...) {  // no memory for a log line: the line is lost, nothing else
  }
}

std::optional<LogLevel> log_level_of(std::string_view name) {
  const auto level = spdlog::level::from_str(std::string(name));
  // from_str says "off" for what it does not know.
  if (level == spdlog::level::off && name != "off") return std::nullopt;
  return static_cast<LogLevel>(level);
}

std::optional<LogLevel> log_level_from_environment() {
  const char* const text = std::getenv("BULKHEAD_LOG");
  return text == nullptr ? std::nullopt : log_level_of(text);
}

}  // namespace bulkhead::support
