// An engine with tasks that look at their limits, and a folder for what they write.
#pragma once

#include "engine_fixture.hpp"

namespace bulkhead::test {

class LimitsTest : public ::testing::Test {
 protected:
  // Waits until `count` tasks said in `file` that they have begun; their process ids.
  [[nodiscard]] static std::vector<std::int64_t> begun(const std::string& file, std::size_t count = 1) {
    EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(file).size() >= count; })) << file;
    std::vector<std::int64_t> pids;
    for (const auto& line : lines_of(file)) pids.push_back(std::stoll(line));
    return pids;
  }
  [[nodiscard]] static TaskTimeout::Info timeout_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const TaskTimeout& error) {
      return error.info();
    }
    ADD_FAILURE() << "no TaskTimeout";
    return {};
  }

  ScratchFolder folder_;
  LogLines log_;
  Engine engine_ = Engine::from_plugins({fixture_plugin("limits"), fixture_plugin("echo"), fixture_plugin("misbehave")},
                                        {.on_log = log_.sink()});
};

}  // namespace bulkhead::test
