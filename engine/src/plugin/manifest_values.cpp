#include <algorithm>
#include <stdexcept>
#include <string>

#include "bulkhead/error.hpp"
#include "bulkhead/manifest.hpp"
#include "support/duration_text.hpp"

namespace bulkhead {

namespace {

template <class T>
void prefer(Setting<T>& setting, const Setting<T>& other) {
  // A program that changes a manifest sets values, and no places.
  if (other.is_given() || other.value) setting = other;
}

}  // namespace

std::chrono::nanoseconds duration_of(std::string_view text) {
  if (text == "none") return std::chrono::nanoseconds::max();
  const auto parsed = support::parse_duration(text);
  if (parsed.value && parsed.value->count() > 0) return *parsed.value;
  detail::raise<UsageError, std::invalid_argument>(
      parsed.value ? "a limit must be more than zero (\"none\" is no limit)"
                   : parsed.problem + (parsed.help.empty() ? "" : " (" + parsed.help + ")"));
}

std::string text_of(std::chrono::nanoseconds duration) {
  return duration == std::chrono::nanoseconds::max() ? "none" : support::duration_text(duration);
}

TaskDefaults task_defaults(const Manifest& manifest, std::string_view full_name) {
  TaskDefaults merged;
  for (const std::string_view name : {full_name.substr(0, full_name.find('.')), full_name}) {
    const auto found = manifest.tasks.find(name);
    if (found == manifest.tasks.end()) continue;
    prefer(merged.timeout, found->second.timeout);
    prefer(merged.soft_timeout, found->second.soft_timeout);
    prefer(merged.retries, found->second.retries);
    prefer(merged.priority, found->second.priority);
    prefer(merged.max_running, found->second.max_running);
    merged.place = found->second.place;
  }
  return merged;
}

std::optional<std::chrono::nanoseconds> capped_timeout(const Manifest& manifest,
                                                       std::optional<std::chrono::nanoseconds> timeout) {
  if (!manifest.max_timeout.value) return timeout;
  return std::min(timeout.value_or(std::chrono::nanoseconds::max()), *manifest.max_timeout.value);
}

}  // namespace bulkhead
