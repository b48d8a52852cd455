#include "pool/refused_sends.hpp"

#include <gtest/gtest.h>

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;

class RefusedSendsTest : public ::testing::Test {
 protected:
  // Every 10 ms; false as soon as that has been too long.
  bool bears(std::chrono::milliseconds time) {
    for (const auto end = now_ + time; now_ < end; now_ += 10ms) {
      if (sends_.note_refused(now_)) return false;
    }
    return true;
  }

  RefusedSends sends_{5s};
  RefusedSends::Time now_{1h};
};

TEST_F(RefusedSendsTest, AreBorneForTheLimit) {
  EXPECT_TRUE(bears(4900ms));
  EXPECT_FALSE(bears(200ms));
  EXPECT_FALSE(bears(10ms)) << "nor does another worker get more time";
}

TEST_F(RefusedSendsTest, CountAnewAfterOneThatWent) {
  EXPECT_TRUE(bears(4900ms));
  sends_.note_sent();
  EXPECT_TRUE(bears(4900ms));
  EXPECT_FALSE(bears(200ms));
  sends_.note_sent();
  EXPECT_TRUE(bears(4900ms));
}

TEST_F(RefusedSendsTest, CountAnewAfterAPauseInWhichNobodyAsked) {
  EXPECT_TRUE(bears(4900ms));
  now_ += 2s;
  EXPECT_TRUE(bears(4900ms));
  EXPECT_FALSE(bears(200ms));
}

}  // namespace
}  // namespace bulkhead::pool
