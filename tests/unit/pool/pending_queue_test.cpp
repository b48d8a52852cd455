#include "pool/pending_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace bulkhead::pool {
namespace {

class PendingQueueTest : public ::testing::Test {
 protected:
  // Takes everything, oldest first, as places in calls_.
  std::vector<int> drained() {
    std::vector<int> order;
    while (!queue_.is_empty()) {
      Call* call = queue_.front();
      queue_.remove(call);
      order.push_back(static_cast<int>(call - calls_.data()));
    }
    return order;
  }
  std::array<Call, 5> calls_;
  PendingQueue queue_;
};

TEST_F(PendingQueueTest, IsFirstInFirstOut) {
  for (auto& call : calls_) queue_.push_back(&call);
  EXPECT_EQ(drained(), (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(PendingQueueTest, PutsWhatComesBackBeforeEverythingElse) {
  queue_.push_back(&calls_[3]);
  queue_.push_front(&calls_[2]);
  queue_.push_front(&calls_[1]);
  queue_.push_back(&calls_[4]);
  queue_.push_front(&calls_[0]);
  EXPECT_EQ(drained(), (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(PendingQueueTest, GivesUpAnyOfItsCalls) {
  for (const int removed : {0, 2, 4}) {
    for (auto& call : calls_) queue_.push_back(&call);
    queue_.remove(&calls_[static_cast<std::size_t>(removed)]);
    std::vector<int> wanted{0, 1, 2, 3, 4};
    std::erase(wanted, removed);
    EXPECT_EQ(drained(), wanted);
  }
}

TEST_F(PendingQueueTest, GivesTheMoreUrgentItsTurnFirst) {
  calls_[0].priority = 0;
  calls_[1].priority = 7;
  calls_[3].priority = 7;
  for (auto& call : calls_) queue_.push_back(&call);
  EXPECT_EQ(drained(), (std::vector<int>{1, 3, 2, 4, 0}));
}

TEST_F(PendingQueueTest, LetsAPassedOverBandHaveATurn) {
  calls_[0].priority = 1;
  queue_.push_back(&calls_[0]);
  std::uint32_t turns = 0;
  for (;; ++turns) {
    ASSERT_LE(turns, PendingQueue::kPatience);
    queue_.push_back(&calls_[1]);
    Call* next = queue_.front();
    if (next == &calls_[0]) break;
    queue_.remove(next);
    queue_.note_turn(next->priority);
  }
  EXPECT_EQ(turns, PendingQueue::kPatience);
  queue_.remove(&calls_[0]);
  queue_.note_turn(calls_[0].priority);
  EXPECT_EQ(drained(), (std::vector<int>{1}));
}

}  // namespace
}  // namespace bulkhead::pool
