// Log lines of a plugin: text handed to the worker, which sends it where the host logs.
//
// Ownership: a pointer to the worker's table, which lives as long as the process; copy freely.
// Threads:   any.
// A line that cannot be delivered is dropped; logging never blocks and never throws.
#pragma once

#include <string>
#include <string_view>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/format.hpp>

namespace bulkhead {

// Where a plugin's lines go: PluginContext::log(), TaskContext::log().
class Log {
 public:
  // `host` may be null: then nothing is logged.
  explicit Log(const bulkhead_host* host) : host_(host) {}

  // One line each: log.info("read {} of {}", name, count). "{}" takes strings, numbers, bool, char,
  // enums and whatever has an operator<<.
  template <class... T>
  void trace(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_TRACE, format, values...);
  }
  // The same at level debug.
  template <class... T>
  void debug(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_DEBUG, format, values...);
  }
  // The same at level info.
  template <class... T>
  void info(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_INFO, format, values...);
  }
  // The same at level warning: from here on lines are shown where nobody has set a level.
  template <class... T>
  void warn(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_WARN, format, values...);
  }
  // The same at level error.
  template <class... T>
  void error(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_ERROR, format, values...);
  }
  // The same at level critical.
  template <class... T>
  void critical(std::string_view format, const T&... values) const {
    line(BULKHEAD_LOG_CRITICAL, format, values...);
  }

  // `text` as it is. `level` is one of BULKHEAD_LOG_.
  void write(int level, std::string_view text) const noexcept {
    if (host_ != nullptr && host_->log != nullptr) host_->log(host_->self, level, text.data(), text.size());
  }

 private:
  template <class... T>
  void line(int level, std::string_view format, const T&... values) const noexcept {
    try {
      write(level, sdk::format_text(format, values...));
    } catch (...) {
      // Out of memory, or an operator<< that throws: the task matters more than its log line.
      write(level, format);
    }
  }

  const bulkhead_host* host_;
};

}  // namespace bulkhead
