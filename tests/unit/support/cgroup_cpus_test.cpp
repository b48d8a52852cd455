#include "support/cgroup_cpus.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace bulkhead::support {
namespace {

// A tree of files that stands for the machine's.
class CgroupCpus : public ::testing::Test {
 protected:
  CgroupCpus() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-cgroup-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root_ = pattern;
  }
  ~CgroupCpus() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }
  void put(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
  }
  void mount_v2(const std::string& shown = "/") {
    put("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:26 " + shown +
                                   " /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw");
  }

  std::filesystem::path root_;
};

TEST_F(CgroupCpus, AreUnlimitedWhereThereAreNoControlGroups) {
  EXPECT_EQ(cgroup_cpus(root_), std::nullopt);
  put("proc/self/cgroup", "0::/user.slice");
  EXPECT_EQ(cgroup_cpus(root_), std::nullopt);
  mount_v2();
  EXPECT_EQ(cgroup_cpus(root_), std::nullopt);
}

TEST_F(CgroupCpus, AreUnlimitedByTheWordMax) {
  put("proc/self/cgroup", "0::/user.slice");
  mount_v2();
  put("sys/fs/cgroup/user.slice/cpu.max", "max 100000");
  EXPECT_EQ(cgroup_cpus(root_), std::nullopt);
}

TEST_F(CgroupCpus, AreTheQuotaRoundedUp) {
  put("proc/self/cgroup", "0::/a");
  mount_v2();
  put("sys/fs/cgroup/a/cpu.max", "200000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 2U);
  put("sys/fs/cgroup/a/cpu.max", "210000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 3U);
  put("sys/fs/cgroup/a/cpu.max", "1000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 1U);
}

TEST_F(CgroupCpus, AreTheLeastOfAllGroupsAbove) {
  put("proc/self/cgroup", "0::/a/b/c");
  mount_v2();
  put("sys/fs/cgroup/a/b/c/cpu.max", "max 100000");
  put("sys/fs/cgroup/a/b/cpu.max", "800000 100000");
  put("sys/fs/cgroup/a/cpu.max", "300000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 3U);
}

TEST_F(CgroupCpus, AreFoundInAContainerThatSeesItselfAsTheRoot) {
  put("proc/self/cgroup", "0::/");
  mount_v2();
  put("sys/fs/cgroup/cpu.max", "400000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 4U);
}

TEST_F(CgroupCpus, AreFoundWhereTheMountShowsAPartOfTheTree) {
  put("proc/self/cgroup", "0::/docker/abc/inner");
  mount_v2("/docker/abc");
  put("sys/fs/cgroup/inner/cpu.max", "700000 100000");
  put("sys/fs/cgroup/cpu.max", "500000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 5U);
  put("proc/self/cgroup", "0::/elsewhere");
  EXPECT_EQ(cgroup_cpus(root_), 5U);
  put("proc/self/cgroup", "0::/docker/abcdef");
  EXPECT_EQ(cgroup_cpus(root_), 5U);
}

TEST_F(CgroupCpus, AreFoundForAProcessOutsideOfItsNamespace) {
  put("proc/self/cgroup", "0::/../../other");
  mount_v2();
  put("sys/fs/cgroup/cpu.max", "600000 100000");
  EXPECT_EQ(cgroup_cpus(root_), 6U);
}

TEST_F(CgroupCpus, OfVersionOneAreTheQuotaOfTheCpuController) {
  put("proc/self/cgroup", "11:cpuset:/x\n4:cpu,cpuacct:/a\n1:name=systemd:/y\n0::/");
  put("proc/self/mountinfo",
      "31 22 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "32 22 0:28 / /sys/fs/cgroup/cpu\\040acct rw shared:9 - cgroup cgroup rw,cpu,cpuacct");
  put("sys/fs/cgroup/cpu acct/a/cpu.cfs_quota_us", "150000");
  put("sys/fs/cgroup/cpu acct/a/cpu.cfs_period_us", "50000");
  put("sys/fs/cgroup/cpu acct/cpu.cfs_quota_us", "-1");
  put("sys/fs/cgroup/cpu acct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cgroup_cpus(root_), 3U);
}

TEST_F(CgroupCpus, AreUnlimitedByWhatMakesNoSense) {
  put("proc/self/cgroup", "garbage\n0::/a\n:::\n");
  put("proc/self/mountinfo", "garbage\n - \n30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2");
  for (const char* text : {"", "nonsense 100000", "-5 100000", "100000 0", "100000"}) {
    put("sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(cgroup_cpus(root_), std::nullopt) << text;
  }
}

TEST(CgroupCpusOfThisMachine, AreAtLeastOne) { EXPECT_GE(cgroup_cpus().value_or(1), 1U); }

}  // namespace
}  // namespace bulkhead::support
