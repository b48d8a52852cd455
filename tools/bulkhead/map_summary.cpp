#include "map_summary.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace bulkhead::cli {

namespace {

// Null where the pool has not told of it.
const TaskStats* task_of(const PoolStats& stats) { return stats.tasks.empty() ? nullptr : &stats.tasks.front(); }

double seconds_of(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

// "2.31 ms": three digits are enough.
std::string shown(std::chrono::nanoseconds duration) {
  const double seconds = seconds_of(duration);
  if (seconds < 1e-3) return formatted("%.3g us", seconds * 1e6);
  if (seconds < 1) return formatted("%.3g ms", seconds * 1e3);
  return formatted("%.3g s", seconds);
}

double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

}  // namespace

std::string summary_text(const MapOutput& results, const PoolStats& stats, double seconds) {
  const auto items = results.items();
  std::string text = std::to_string(items) + " items: " + std::to_string(items - results.failed()) + " ok, " +
                     std::to_string(results.failed()) + " failed";
  if (results.failed() > 0) text += " (" + results.failed_by_type() + ")";
  if (results.skipped() > 0) text += ", " + std::to_string(results.skipped()) + " done before";
  const TaskStats* const task = task_of(stats);
  if (task != nullptr && task->retried > 0) text += ", " + std::to_string(task->retried) + " retried";
  const double megabytes = static_cast<double>(results.bytes()) / 1e6;
  text += formatted("; %.3f s, %.0f items/s, %.1f MB, %.1f MB/s", seconds, rate(static_cast<double>(items), seconds),
                    megabytes, rate(megabytes, seconds));
  if (task != nullptr && task->run_time.samples > 0) {
    text += "; run time p50 " + shown(task->run_time.quantile(0.5)) + ", p99 " + shown(task->run_time.quantile(0.99));
  }
  return text;
}

std::string summary_json(const MapOutput& results, const PoolStats& stats, double seconds) {
  nlohmann::ordered_json summary = {{"items", results.items()},
                                    {"ok", results.items() - results.failed()},
                                    {"failed", results.failed()},
                                    {"errors", nlohmann::ordered_json::object()},
                                    {"done_before", results.skipped()}};
  for (const auto& [type, count] : results.errors()) summary["errors"][type] = count;
  const TaskStats* const task = task_of(stats);
  if (task != nullptr) summary["retried"] = task->retried;
  summary["bytes"] = results.bytes();
  summary["seconds"] = seconds;
  summary["items_per_second"] = rate(static_cast<double>(results.items()), seconds);
  if (task != nullptr && task->run_time.samples > 0) {
    summary["run_seconds"] = {{"p50", seconds_of(task->run_time.quantile(0.5))},
                              {"p99", seconds_of(task->run_time.quantile(0.99))}};
  }
  return summary.dump();
}

}  // namespace bulkhead::cli
