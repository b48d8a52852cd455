#include "ipc/available_memory.hpp"

#include <gtest/gtest.h>
#include <sys/sysinfo.h>

namespace bulkhead::ipc {
namespace {

TEST(AvailableMemory, IsSomethingAndNoMoreThanTheMachineHas) {
  struct sysinfo info {};
  ASSERT_EQ(::sysinfo(&info), 0);
  EXPECT_GT(available_memory_bytes(), 0U);
  EXPECT_LE(available_memory_bytes(), std::uint64_t{info.totalram} * info.mem_unit);
}

TEST(AvailableMemory, RefusesMoreThanTheMachineHas) {
  struct sysinfo info {};
  ASSERT_EQ(::sysinfo(&info), 0);
  const std::uint64_t all = std::uint64_t{info.totalram} * info.mem_unit;
  EXPECT_FALSE(can_reserve_memory(all));
  EXPECT_FALSE(can_reserve_memory(all + 1));
  EXPECT_FALSE(can_reserve_memory(std::uint64_t{1} << 62));
  EXPECT_FALSE(can_reserve_memory(~std::uint64_t{0}));
  EXPECT_TRUE(can_reserve_memory(4096));
}

}  // namespace
}  // namespace bulkhead::ipc
