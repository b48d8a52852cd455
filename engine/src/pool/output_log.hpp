// Puts the lines that workers write into the host's log, with the worker, plugin, task and attempt they come from.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bulkhead/options.hpp"
#include "pool/task_directory.hpp"
#include "protocol/output_reader.hpp"
#include "support/logging.hpp"

namespace bulkhead::pool {

class OutputLog {
 public:
  using OnLine = std::function<void(const WorkerLine&)>;

  // `on_line` gets the lines instead of the log, if there is one.
  OutputLog(std::shared_ptr<support::Log> log, OnLine on_line, std::shared_ptr<const TaskDirectory> directory);

  void add(std::uint32_t worker, std::int64_t worker_pid, const protocol::OutputLine& line) const;

 private:
  const std::shared_ptr<support::Log> log_;
  const OnLine on_line_;
  const std::shared_ptr<const TaskDirectory> directory_;
  const std::vector<const plugin::TaskEntry*> tasks_;
};

// "[img] worker 0, img.resize #7, attempt 2: no such file"
[[nodiscard]] std::string text_of(const WorkerLine& line);

}  // namespace bulkhead::pool
