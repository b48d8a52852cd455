#include "worker/memory_pressure.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <string>
#include <system_error>

namespace bulkhead::worker {
namespace {

namespace fs = std::filesystem;

class MemoryPressureTest : public ::testing::Test {
 protected:
  MemoryPressureTest() {
    std::string name = (fs::temp_directory_path() / "bulkhead-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category());
    root_ = name;
  }
  ~MemoryPressureTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  fs::path root_;
};

TEST_F(MemoryPressureTest, ExplainsAKillThatTheGroupCounted) {
  write("proc/self/cgroup", "0::/job\n");
  write("sys/fs/cgroup/job/memory.events", "low 0\noom 1\noom_kill 4\n");
  write("sys/fs/cgroup/job/memory.max", "max\n");
  MemoryPressure pressure(root_);
  EXPECT_FALSE(pressure.explains_kill(1 << 20));
  write("sys/fs/cgroup/job/memory.events", "low 0\noom 2\noom_kill 5\n");
  EXPECT_TRUE(pressure.explains_kill(1 << 20));
  EXPECT_FALSE(pressure.explains_kill(1 << 20)) << "that one is explained already";
}

TEST_F(MemoryPressureTest, KnowsGroupsOfTheOlderVersion) {
  write("proc/self/cgroup", "5:cpu:/x\n4:memory:/job\n0::/\n");
  write("sys/fs/cgroup/memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  MemoryPressure pressure(root_);
  EXPECT_FALSE(pressure.explains_kill(1));
  write("sys/fs/cgroup/memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  EXPECT_TRUE(pressure.explains_kill(1));
}

TEST_F(MemoryPressureTest, FindsAContainersOwnGroupAtTheTop) {
  write("proc/self/cgroup", "0::/outside/job\n");
  write("sys/fs/cgroup/memory.events", "oom_kill 0\n");
  MemoryPressure pressure(root_);
  write("sys/fs/cgroup/memory.events", "oom_kill 1\n");
  EXPECT_TRUE(pressure.explains_kill(1));
}

TEST_F(MemoryPressureTest, ExplainsTheKillOfWhoHadNearlyAll) {
  write("proc/self/cgroup", "0::/job\n");
  write("sys/fs/cgroup/job/memory.events", "oom_kill 0\n");
  write("sys/fs/cgroup/job/memory.max", "1000000\n");
  MemoryPressure pressure(root_);
  EXPECT_FALSE(pressure.explains_kill(800'000));
  EXPECT_TRUE(pressure.explains_kill(950'000));
}

TEST_F(MemoryPressureTest, AsksTheMachineWhereThereIsNoGroup) {
  write("proc/vmstat", "nr_free_pages 5\noom_kill 7\n");
  MemoryPressure pressure(root_);
  EXPECT_FALSE(pressure.explains_kill(1));
  write("proc/vmstat", "nr_free_pages 5\noom_kill 8\n");
  EXPECT_TRUE(pressure.explains_kill(1));
}

TEST_F(MemoryPressureTest, ExplainsNothingWhereNothingCanBeRead) {
  EXPECT_FALSE(MemoryPressure(root_).explains_kill(std::uint64_t{1} << 40));
}

}  // namespace
}  // namespace bulkhead::worker
