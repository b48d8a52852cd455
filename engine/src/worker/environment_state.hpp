// The environment's variables, as they were.
//
// Ownership: its copies; but that which put_back() made the environment lasts as long as the process.
// Threads:   one; as with setenv(), nobody else may be at the environment.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace bulkhead::worker {

class EnvironmentState {
 public:
  // As it is now.
  EnvironmentState();
  ~EnvironmentState();
  EnvironmentState(const EnvironmentState&) = delete;
  EnvironmentState& operator=(const EnvironmentState&) = delete;

  // Makes it so again. Costs a look at each variable when nothing was changed.
  void put_back() noexcept;

 private:
  [[nodiscard]] bool is_changed() const noexcept;

  std::vector<std::string> texts_;  // "NAME=value", in their order
  std::vector<char*> expected_;     // what environ holds, its final null too
  // What environ becomes: its pointers, and behind them the texts. Others may change both.
  std::unique_ptr<char*[]> given_;
  bool is_given_ = false;
};

}  // namespace bulkhead::worker
