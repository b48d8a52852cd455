#include "job_history.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "failures.hpp"
#include "job_log.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::string_view kRunPrefix = "{\"run\":";

nlohmann::json parse_run(std::string_view line) {
  return line.starts_with(kRunPrefix) ? nlohmann::json::parse(line, nullptr, false) : nlohmann::json();
}

}  // namespace

JobHistory::JobHistory(std::string_view log, std::string log_name, const std::string& identity, bool is_ordered)
    : log_name_(std::move(log_name)), is_ordered_(is_ordered) {
  struct Line {
    std::string_view text;
    std::uint64_t number;
  };
  // Only the last run that began anew counts, and those that resumed it.
  std::vector<Line> lines;
  std::uint64_t number = 0;
  for (auto end = log.find('\n'); end != std::string_view::npos; end = log.find('\n', whole_bytes_)) {
    const auto text = log.substr(whole_bytes_, end - whole_bytes_);
    whole_bytes_ = end + 1;
    ++number;
    const auto run = parse_run(text);
    if (run.is_object() && run.value("resumed", true) == false) lines.clear();
    lines.push_back({text, number});
  }
  for (const auto& [text, at] : lines) {
    line_number_ = at;
    if (text.starts_with(kRunPrefix)) check_identity(text, identity);
    replay(text);
  }
}

void JobHistory::check_identity(std::string_view run, const std::string& identity) const {
  const auto told = parse_run(run).value("run", nlohmann::json::object());
  const auto wanted = nlohmann::json::parse(identity);
  for (const auto& [key, value] : wanted.items()) {
    const auto found = told.is_object() ? told.value(key, nlohmann::json()) : nlohmann::json();
    if (found == value) continue;
    refuse_line("is of another command: its " + key + " is " + found.dump() + ", now it is " + value.dump());
  }
}

void JobHistory::refuse_line(std::string_view why) const {
  throw UsageFailure("line " + std::to_string(line_number_) + " of the job log \"" + log_name_ + "\" " +
                     std::string(why) + " (name another --joblog, or leave --resume out to begin anew)");
}

void JobHistory::replay(std::string_view line) {
  ends_assembled_ = false;
  try {
    const auto json = nlohmann::json::parse(line);
    if (json.contains("run")) {
      has_run_ = true;
    } else if (json.contains("assembled")) {
      replay_assembly(json.at("assembled").get<std::uint64_t>());
    } else {
      const auto end = json.at("end").get<std::uint64_t>();
      const auto item = json.at("item").get<std::uint64_t>();
      if (end < output_bytes_ || !has_run_) refuse_line("contradicts the lines before it");
      entries_[item] = {.hash = std::stoull(json.at("sha256").get<std::string>(), nullptr, 16),
                        .has_succeeded = json.at("status").get<std::string>() == "ok",
                        .line = {output_bytes_, end - output_bytes_}};
      output_bytes_ = end;
      known_items_ = std::max(known_items_, item + 1);
    }
  } catch (const nlohmann::json::exception&) {
    refuse_line("is not what bulkhead map --joblog -o FILE writes");
  } catch (const std::logic_error&) {
    refuse_line("is not what bulkhead map --joblog -o FILE writes");
  }
}

std::vector<std::uint64_t> JobHistory::lines_in_order() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (const auto& [item, entry] : entries_) {
    if (entry.line.size > 0) places.emplace_back(is_ordered_ ? item : entry.line.at, item);
  }
  std::ranges::sort(places);
  std::vector<std::uint64_t> items;
  for (const auto& [place, item] : places) items.push_back(item);
  return items;
}

void JobHistory::replay_assembly(std::uint64_t size) {
  output_bytes_ = 0;
  for (const std::uint64_t item : lines_in_order()) {
    Range& line = entries_.at(item).line;
    line.at = output_bytes_;
    output_bytes_ += line.size;
  }
  if (output_bytes_ != size) refuse_line("contradicts the lines before it");
  ends_assembled_ = true;
}

bool JobHistory::is_done(const Item& item) const {
  const auto found = entries_.find(item.index);
  if (found == entries_.end()) return false;
  if (found->second.hash != item_hash(item.text)) {
    throw UsageFailure("item " + std::to_string(item.index) + " is not the one that the job log \"" + log_name_ +
                       "\" tells of: the input has changed (give the same input, or leave --resume out to begin anew)");
  }
  return found->second.has_succeeded;
}

void JobHistory::check_input_ended(std::uint64_t items) const {
  if (items >= known_items_) return;
  throw UsageFailure("the input has " + std::to_string(items) + " items, the job log \"" + log_name_ + "\" tells of " +
                     std::to_string(known_items_) +
                     ": the input has changed (give the same input, or leave --resume out to begin anew)");
}

void JobHistory::add(const Item& item, bool has_succeeded, std::uint64_t end) {
  // Its hash is not asked for again.
  entries_[item.index] = {.hash = 0, .has_succeeded = has_succeeded, .line = {output_bytes_, end - output_bytes_}};
  output_bytes_ = end;
}

std::vector<JobHistory::Range> JobHistory::assembly() const {
  std::vector<Range> ranges;
  for (const std::uint64_t item : lines_in_order()) {
    const Range& line = entries_.at(item).line;
    if (!ranges.empty() && ranges.back().at + ranges.back().size == line.at) {
      ranges.back().size += line.size;
    } else {
      ranges.push_back(line);
    }
  }
  return ranges;
}

}  // namespace bulkhead::cli
