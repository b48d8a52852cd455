// Python's process pools, in a python3 of their own that is told what to measure.
#pragma once

#include <memory>
#include <string>

#include "child.hpp"
#include "contest.hpp"

namespace bulkhead::bench {

class PythonPools {
 public:
  // Null where there is no python3.
  [[nodiscard]] static std::unique_ptr<PythonPools> start();
  PythonPools(const PythonPools&) = delete;
  PythonPools& operator=(const PythonPools&) = delete;
  ~PythonPools();

  // What a command of python_pool.py measured. Throws when there is no answer within a minute.
  [[nodiscard]] Slice ask(const std::string& command);

 private:
  PythonPools(Child child, int commands, int answers);
  [[nodiscard]] std::string read_line();

  Child child_;
  int commands_;
  int answers_;
  std::string pending_;
};

// A side for each of its pools, if there is a Python. `command_for` makes the command for a pool's name; what comes back
// is divided by `scale`.
void add_python_sides(std::vector<Side>& sides, PythonPools* python,
                      const std::function<std::string(const std::string& pool)>& command_for, double scale = 1);

}  // namespace bulkhead::bench
