#include "pool/output_log.hpp"

#include <utility>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"

namespace bulkhead::pool {

namespace {

// What is printed has no level. It is seen by whoever asks for nothing, as it is where nobody captures it.
constexpr int kPrintedLevel = BULKHEAD_LOG_WARN;

WorkerLine::Moment moment_of(std::uint8_t phase) {
  switch (static_cast<Phase>(phase)) {
    case Phase::kStart:
    case Phase::kLoad:
      return WorkerLine::Moment::kStarting;
    case Phase::kIdle:
      return WorkerLine::Moment::kAfterTask;
    default:
      return WorkerLine::Moment::kInTask;
  }
}

}  // namespace

OutputLog::OutputLog(std::shared_ptr<support::Log> log, OnLine on_line, std::shared_ptr<const TaskDirectory> directory)
    : log_(std::move(log)),
      on_line_(std::move(on_line)),
      directory_(std::move(directory)),
      tasks_(directory_->catalogue().tasks()) {}

void OutputLog::add(std::uint32_t worker, std::int64_t worker_pid, const protocol::OutputLine& line) const {
  const int level = line.level ? *line.level : kPrintedLevel;
  if (!on_line_ && !log_->shows(static_cast<support::LogLevel>(level))) return;
  WorkerLine shown{.level = level,
                   .is_log = line.level.has_value(),
                   .worker = worker,
                   .worker_pid = worker_pid,
                   .moment = moment_of(line.phase),
                   .plugin = line.plugin,
                   .task = {},
                   .task_id = 0,
                   .attempt = 0,
                   .text = line.text};
  // Attempts count from 1: 0 is of a worker that ran none yet, or only its plugins' initialisers.
  if (line.attempt == 0 || line.task >= tasks_.size()) shown.moment = WorkerLine::Moment::kStarting;
  if (shown.moment != WorkerLine::Moment::kStarting) {
    const plugin::TaskEntry& task = *tasks_[line.task];
    shown.task = task.name;
    shown.task_id = line.task_id;
    shown.attempt = line.attempt;
    if (shown.plugin.empty()) shown.plugin = directory_->catalogue().plugins()[task.plugin_index].name;
  }
  if (on_line_) return on_line_(shown);
  log_->write(static_cast<support::LogLevel>(level), text_of(shown));
}

std::string text_of(const WorkerLine& line) {
  std::string text;
  if (!line.plugin.empty()) text += "[" + std::string(line.plugin) + "] ";
  text += "worker " + std::to_string(line.worker);
  if (line.moment != WorkerLine::Moment::kStarting) {
    text += line.moment == WorkerLine::Moment::kAfterTask ? ", after " : ", ";
    text += std::string(line.task) + " #" + std::to_string(line.task_id);
    if (line.attempt > 1) text += ", attempt " + std::to_string(line.attempt);
  }
  return text + ": " + std::string(line.text);
}

}  // namespace bulkhead::pool
