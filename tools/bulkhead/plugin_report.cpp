#include "plugin_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "same_json.hpp"
#include "shown_list.hpp"
#include "task_json.hpp"

namespace bulkhead::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string comma_list(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

// "5s", "250ms": defaults are told in the largest unit that is exact.
std::string unit_text(std::chrono::nanoseconds time) {
  struct Unit {
    std::int64_t nanoseconds;
    const char* name;
  };
  constexpr std::array<Unit, 6> kUnits{{{3'600'000'000'000, "h"},
                                        {60'000'000'000, "m"},
                                        {1'000'000'000, "s"},
                                        {1'000'000, "ms"},
                                        {1'000, "us"},
                                        {1, "ns"}}};
  for (const auto& unit : kUnits) {
    if (time.count() % unit.nanoseconds == 0) return std::to_string(time.count() / unit.nanoseconds) + unit.name;
  }
  return {};
}

std::string call_text(const CatalogEntry& task, const TaskExample& example) {
  std::string arguments = short_json(example.arguments);
  if (arguments.size() >= 2) arguments = arguments.substr(1, arguments.size() - 2);
  return task.name + "(" + arguments + ")";
}

std::string defaults_of(const CatalogEntry& task) {
  std::vector<std::string> defaults;
  if (!task.param_names.empty()) defaults.push_back("parameters " + comma_list(task.param_names));
  if (task.timeout.count() > 0) defaults.push_back("timeout " + unit_text(task.timeout));
  if (task.soft_timeout.count() > 0) defaults.push_back("soft timeout " + unit_text(task.soft_timeout));
  if (task.is_idempotent) defaults.emplace_back("idempotent");
  if (task.retries > 0) defaults.push_back("retries " + std::to_string(task.retries));
  std::string text;
  for (const auto& part : defaults) text += (text.empty() ? "" : "; ") + part;
  return text;
}

Json info_json(const PluginInfo& info) {
  auto tasks = Json::array();
  for (const auto& task : info.tasks) {
    Json entry = task_to_json(task);
    entry["timeout_ns"] = task.timeout.count();
    entry["soft_timeout_ns"] = task.soft_timeout.count();
    entry["retries"] = task.retries;
    entry["idempotent"] = task.is_idempotent;
    tasks.push_back(std::move(entry));
  }
  return {{"name", info.name},
          {"version", info.version},
          {"file", info.path.string()},
          {"bytes", info.bytes},
          {"sha256", info.sha256},
          {"abi", {info.abi_major, info.abi_minor}},
          {"sdk_version", info.sdk_version},
          {"compiler", info.compiler},
          {"needed", info.needed},
          {"exported", info.exported},
          {"unique", info.unique},
          {"tasks", std::move(tasks)}};
}

constexpr std::array<const char*, 3> kLevels{"ok", "warning", "error"};

const char* name_of(Finding::Level level) { return kLevels[static_cast<std::size_t>(level)]; }

std::string report_line(const char* level, const std::string& about, const std::string& text) {
  std::string start = level;
  start.resize(9, ' ');
  return start + about + ": " + text + "\n";
}

// One line for a task whose examples hold, or that has none; else one for each that does not.
std::string task_lines(const CheckReport& report, const CatalogEntry& task) {
  std::string failures;
  std::size_t count = 0;
  for (const auto& run : report.examples) {
    if (run.task != task.name) continue;
    ++count;
    if (!run.failure.empty()) failures += report_line("error", call_text(task, run.example), run.failure);
  }
  if (!failures.empty()) return failures;
  if (task.examples.empty()) return report_line("ok", task.name, task.signature + ", no example");
  if (count == 0) return report_line("ok", task.name, task.signature + ", not called");
  return report_line("ok", task.name,
                     task.signature + ", " + std::to_string(count) + (count == 1 ? " example" : " examples"));
}

std::string verdict(const CheckReport& report) {
  const std::string name = report.info.name + " " + report.info.version;
  if (!report.can_be_used()) return name + " cannot be used";
  if (const auto failed = report.failed_examples(); failed > 0) {
    return name + ": " + std::to_string(failed) + " of " + std::to_string(report.examples.size()) + " examples failed";
  }
  const auto warnings = std::ranges::count_if(
      report.findings, [](const Finding& finding) { return finding.level == Finding::Level::kWarning; });
  return name + " can be used" +
         (warnings == 0 ? "" : ", with " + std::to_string(warnings) + (warnings == 1 ? " warning" : " warnings"));
}

}  // namespace

std::string to_text(const PluginInfo& info) {
  std::string text = info.name + " " + info.version + "\n";
  const auto add = [&](const char* what, const std::string& value) {
    std::string start = what;
    start.resize(9, ' ');
    text += "  " + start + value + "\n";
  };
  add("file", info.path.string() + ", " + std::to_string(info.bytes) + " bytes");
  add("sha256", info.sha256);
  add("built", "ABI " + std::to_string(info.abi_major) + "." + std::to_string(info.abi_minor) + ", SDK " +
                   info.sdk_version + ", " + info.compiler);
  add("needs", info.needed.empty() ? "no library" : comma_list(info.needed));
  if (!info.exported.empty()) add("exports", shown_list(info.exported));
  if (!info.unique.empty()) add("shares", shown_list(info.unique));
  for (const auto& task : info.tasks) {
    text += task.name + "  " + task.signature + (task.doc.empty() ? "" : "  " + task.doc) + "\n";
    if (const auto defaults = defaults_of(task); !defaults.empty()) text += "  " + defaults + "\n";
    for (const auto& example : task.examples) {
      text += "  " + call_text(task, example) + " = " + short_json(example.result) + "\n";
    }
  }
  text.pop_back();
  return text;
}

std::string to_json(const PluginInfo& info) { return dumped(info_json(info)); }

std::string to_text(const CheckReport& report) {
  std::string text = report.info.name + " " + report.info.version + " (" + report.info.path.string() + ")\n";
  for (const auto& finding : report.findings) text += report_line(name_of(finding.level), finding.about, finding.text);
  if (report.can_be_used()) {
    for (const auto& task : report.info.tasks) text += task_lines(report, task);
  }
  return text + verdict(report);
}

std::string to_json(const CheckReport& report) {
  auto findings = Json::array();
  for (const auto& finding : report.findings) {
    findings.push_back({{"level", name_of(finding.level)}, {"about", finding.about}, {"text", finding.text}});
  }
  auto examples = Json::array();
  for (const auto& run : report.examples) {
    Json entry = {{"task", run.task},
                  {"arguments", json_of(run.example.arguments)},
                  {"expected", json_of(run.example.result)},
                  {"holds", run.failure.empty()}};
    if (!run.result.empty()) entry["result"] = json_of(run.result);
    if (!run.failure.empty()) entry["failure"] = run.failure;
    examples.push_back(std::move(entry));
  }
  Json json = {{"plugin", info_json(report.info)},
               {"can_be_used", report.can_be_used()},
               {"findings", std::move(findings)},
               {"examples", std::move(examples)}};
  if (report.trial && report.trial->error.empty()) {
    json["load"] = {{"seconds", std::chrono::duration<double>(report.trial->load_time).count()},
                    {"initialiser_seconds", std::chrono::duration<double>(report.trial->initialiser_time).count()},
                    {"resident_bytes", report.trial->resident_bytes},
                    {"threads", report.trial->threads},
                    {"output_bytes", report.trial->output_bytes}};
  }
  return dumped(json);
}

}  // namespace bulkhead::cli
