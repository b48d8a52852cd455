#include "chaos_report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

namespace bulkhead::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Quantiles {
  double median = 0;
  double p99 = 0;
  double max = 0;
};

// In milliseconds; empty without any.
std::optional<Quantiles> quantiles_of(Durations durations) {
  if (durations.empty()) return std::nullopt;
  std::ranges::sort(durations);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(durations.size() - 1) + 0.5);
    return std::chrono::duration<double, std::milli>(durations[index]).count();
  };
  return Quantiles{at(0.5), at(0.99), at(1)};
}

std::uint64_t error_count(const ChaosCounts& counts) {
  return std::accumulate(counts.errors.begin(), counts.errors.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& error) { return sum + error.second; });
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string joined(const std::vector<std::string>& texts, const std::string& between) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

std::string recovery_line(const char* what, const Durations& durations) {
  const auto times = quantiles_of(durations);
  if (!times) return {};
  return formatted("%-15smedian %.1f ms, p99 %.1f ms, max %.1f ms, of ", what, times->median, times->p99, times->max) +
         counted(durations.size(), "kill", "kills") + "\n";
}

Json recovery_json(const Durations& durations) {
  const auto times = quantiles_of(durations);
  if (!times) return {{"kills", 0}};
  return {{"kills", durations.size()}, {"median_ms", times->median}, {"p99_ms", times->p99}, {"max_ms", times->max}};
}

// An early end gives the calls that were open PoolClosed; that is as promised.
std::uint64_t unasked_ends(const ChaosOutcome& outcome) {
  const auto closed = outcome.counts.errors.find("PoolClosed");
  return closed == outcome.counts.errors.end() || outcome.signal != 0 ? 0 : closed->second;
}

}  // namespace

std::vector<std::string> broken_promises(const ChaosReport& report) {
  std::vector<std::string> broken;
  const ChaosOutcome& outcome = report.outcome;
  const ChaosCounts& counts = outcome.counts;
  if (outcome.hangs > 0) {
    std::string text = counted(outcome.hangs, "call has no verdict", "calls have no verdict");
    if (outcome.hangs_in_task > 0) {
      text += " (a worker still runs " + std::to_string(outcome.hangs_in_task) +
              " of them: for a task that may take more than a minute say --timeout)";
    }
    broken.push_back(std::move(text));
  }
  if (counts.duplicates > 0) broken.push_back(counted(counts.duplicates, "second verdict", "second verdicts"));
  if (counts.lost_in_excess > 0) {
    broken.push_back("kills cost " + counted(counts.lost_in_excess, "call", "calls") + " more than were running");
  }
  if (!outcome.pool_failure.empty()) broken.push_back("the pool gave up: " + outcome.pool_failure);
  if (const auto ends = unasked_ends(outcome); ends > 0 && outcome.pool_failure.empty()) {
    broken.push_back(counted(ends, "call was told", "calls were told") + " that the pool is closed");
  }
  if (outcome.attacks.unrecovered > 0) {
    broken.push_back(counted(outcome.attacks.unrecovered, "killed worker was", "killed workers were") +
                     " not replaced within a minute");
  }
  if (!outcome.has_ended) broken.emplace_back("the pool did not end");
  if (!report.leaks.empty()) broken.push_back("left behind: " + joined(report.leaks, ", "));
  return broken;
}

std::string report_text(const ChaosReport& report) {
  const ChaosOutcome& outcome = report.outcome;
  const ChaosCounts& counts = outcome.counts;
  const ChaosAttacks& attacks = outcome.attacks;
  std::string text = "seed:          " + std::to_string(report.seed) + "\n";
  text += "calls:         " + std::to_string(outcome.submitted) + " of " + counted(report.tasks, "task", "tasks") +
          formatted(" in %.1f s, %.0f a second\n", outcome.seconds,
                    outcome.seconds > 0 ? static_cast<double>(counts.verdicts) / outcome.seconds : 0);
  if (!report.left_out.empty()) text += "left out:      " + joined(report.left_out, ", ") + "\n";
  text += "attacks:       " + counted(attacks.worker_kills, "kill", "kills") + " and " +
          counted(attacks.worker_stops, "stop", "stops") + " of workers, " +
          counted(attacks.warden_kills, "kill", "kills") + " and " + counted(attacks.warden_stops, "stop", "stops") +
          " of the warden\n";
  text += "verdicts:      " + counted(counts.results, "result", "results");
  for (const auto& [type, count] : counts.errors) text += ", " + std::to_string(count) + " " + type;
  text += "\nlost:          " + counted(counts.lost_to_kills, "call", "calls") + " to kills, " +
          std::to_string(counts.lost_otherwise) + " otherwise\n";
  text += "duplicates:    " + std::to_string(counts.duplicates) + "\n";
  text += "hangs:         " + std::to_string(outcome.hangs) + "\n";
  text += "leaks:         " + (report.leaks.empty() ? "none" : joined(report.leaks, ", ")) + "\n";
  text += recovery_line("full strength:", attacks.to_full_strength);
  text += recovery_line("next verdict:", counts.next_verdict);
  if (outcome.signal != 0) text += "interrupted:   after " + counted(counts.verdicts, "verdict", "verdicts") + "\n";
  const auto broken = broken_promises(report);
  text += broken.empty() ? "the promise held\n" : "the promise is broken: " + joined(broken, "; ") + "\n";
  return text;
}

std::string report_json(const ChaosReport& report) {
  const ChaosOutcome& outcome = report.outcome;
  const ChaosCounts& counts = outcome.counts;
  const ChaosAttacks& attacks = outcome.attacks;
  const auto broken = broken_promises(report);
  const Json json = {{"seed", report.seed},
                     {"promise", broken.empty() ? "held" : "broken"},
                     {"broken", broken},
                     {"interrupted", outcome.signal != 0},
                     {"seconds", outcome.seconds},
                     {"tasks", report.tasks},
                     {"left_out", report.left_out},
                     {"calls", outcome.submitted},
                     {"results", counts.results},
                     {"errors", error_count(counts)},
                     {"errors_by_type", counts.errors},
                     {"lost_to_kills", counts.lost_to_kills},
                     {"lost_otherwise", counts.lost_otherwise},
                     {"lost_in_excess", counts.lost_in_excess},
                     {"duplicates", counts.duplicates},
                     {"hangs", outcome.hangs},
                     {"leaks", report.leaks},
                     {"worker_kills", attacks.worker_kills},
                     {"worker_stops", attacks.worker_stops},
                     {"warden_kills", attacks.warden_kills},
                     {"warden_stops", attacks.warden_stops},
                     {"to_full_strength", recovery_json(attacks.to_full_strength)},
                     {"to_next_verdict", recovery_json(counts.next_verdict)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bulkhead::cli
