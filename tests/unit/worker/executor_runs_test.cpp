// Successive results of one size, answered together.
#include <gmock/gmock.h>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

using protocol::ReplyKind;

// Begins a run of results of 8 bytes, gives `done` of them (their index, times ten), and ends it.
struct Run {
  std::uint64_t room = 0;
  bool is_given_up = false;
};
Run run_of_numbers(const bulkhead_call* call, std::uint64_t most, std::uint64_t done) {
  Run run{.room = most};
  auto* const out = static_cast<std::byte*>(call->begin_run(call->self, sizeof(std::uint64_t), &run.room));
  if (out == nullptr) return {};
  for (std::uint64_t i = 0; i < std::min(done, run.room); ++i) {
    const std::uint64_t number = 10 * *call->running_item;
    std::memcpy(out + i * sizeof number, &number, sizeof number);
    __atomic_store_n(call->running_item, *call->running_item + 1, __ATOMIC_RELEASE);
  }
  run.is_given_up = call->end_run(call->self, std::min(done, run.room)) != 0;
  return run;
}

TEST(ExecutorRuns, AreOneReply) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t count) {
    (void)run_of_numbers(call, count, count);
    return std::int32_t{BULKHEAD_OK};
  })});
  host.call(0, Bytes(3 * 4), 3, 4);
  const Reply reply = host.next_reply();
  EXPECT_EQ(reply.header.kind, ReplyKind::kRun);
  EXPECT_EQ(reply.header.index, 0u);
  EXPECT_TRUE(reply.is_last());
  EXPECT_EQ(reply.payload, packed(std::uint64_t{0}, std::uint64_t{10}, std::uint64_t{20}));
}

TEST(ExecutorRuns, AreFollowedByOthersAndByItemsThatFail) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    (void)run_of_numbers(call, 100, 2);
    fail(call, "std::domain_error", "no");
    call->end_item(call->self, BULKHEAD_TASK_FAILED);
    (void)run_of_numbers(call, 100, 0);
    put(call, "by itself");
    call->end_item(call->self, BULKHEAD_OK);
    (void)run_of_numbers(call, 100, 100);
    return std::int32_t{BULKHEAD_OK};
  })});
  host.call(0, Bytes(6 * 4), 6, 4);
  const Reply first = host.next_reply();
  EXPECT_EQ(first.header.kind, ReplyKind::kRun);
  EXPECT_EQ(first.payload, packed(std::uint64_t{0}, std::uint64_t{10}));
  EXPECT_FALSE(first.is_last());
  const Reply failed = host.next_reply();
  EXPECT_EQ(failed.header.index, 2u);
  EXPECT_EQ(failed.error().text, "no");
  const Reply alone = host.next_reply();
  EXPECT_EQ(alone.header.kind, ReplyKind::kItem);
  EXPECT_EQ(alone.header.index, 3u);
  EXPECT_EQ(text_of(alone.payload), "by itself");
  const Reply last = host.next_reply();
  EXPECT_EQ(last.header.kind, ReplyKind::kRun);
  EXPECT_EQ(last.header.index, 4u);
  EXPECT_EQ(last.payload, packed(std::uint64_t{40}, std::uint64_t{50}));
  EXPECT_TRUE(last.is_last());
}

TEST(ExecutorRuns, OfManyItemsAreCut) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t count) {
    std::uint64_t done = 0;
    while (done < count) done += run_of_numbers(call, count - done, count).room;
    return std::int32_t{BULKHEAD_OK};
  })});
  constexpr std::uint32_t kCount = 10'000;
  host.call(0, Bytes(kCount), kCount, 1);
  std::uint64_t expected = 0;
  for (bool is_last = false; !is_last;) {
    const Reply reply = host.next_reply();
    ASSERT_EQ(reply.header.kind, ReplyKind::kRun);
    ASSERT_EQ(reply.header.index, expected);
    ASSERT_LE(reply.payload.size(), 64u * 1024);
    for (std::size_t at = 0; at < reply.payload.size(); at += 8) {
      std::uint64_t number = 0;
      std::memcpy(&number, reply.payload.data() + at, sizeof number);
      ASSERT_EQ(number, 10 * expected++);
    }
    is_last = reply.is_last();
  }
  EXPECT_EQ(expected, kCount);
}

TEST(ExecutorRuns, AreGivenUpWhenTheHostSaysStop) {
  Host host;
  Gate gate;
  host.start({task_of(
      [](void* state, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
        static_cast<Gate*>(state)->wait();
        EXPECT_TRUE(run_of_numbers(call, 2, 2).is_given_up);
        return BULKHEAD_OK;
      },
      &gate)});
  const auto sequence = host.call(0, Bytes(4 * 4), 4, 4);
  host.channel().set_stop(sequence, BULKHEAD_STOP_CANCELLED);
  gate.open();
  EXPECT_EQ(host.next_reply().payload.size(), 16u);
  EXPECT_EQ(host.next_reply().header.outcome, BULKHEAD_STOPPED);
  EXPECT_EQ(host.next_reply().header.outcome, BULKHEAD_STOPPED);
}

TEST(ExecutorRuns, AreRefusedWhereEachItemHasItsOwnReply) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t count) {
    std::uint64_t room = count;
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool refused = call->begin_run(call->self, 0, &room) == nullptr &&
                           call->begin_run(call->self, std::size_t{1} << 30, &room) == nullptr &&
                           (count > 1 || call->begin_run(call->self, 8, &room) == nullptr);
      put(call, refused ? "refused" : "given");
      call->end_item(call->self, BULKHEAD_OK);
    }
    return std::int32_t{BULKHEAD_OK};
  })});
  host.call(0, Bytes(4), 1, 4);
  EXPECT_EQ(text_of(host.next_reply().payload), "refused");
  host.call(0, Bytes(3 * 4), 3, 4);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text_of(host.next_reply().payload), "refused");
}

TEST(ExecutorRuns, EndWhereTheirRoomDoes) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    // More than it was given; without a run; and a result written by itself within one.
    std::uint64_t room = 2;
    (void)call->begin_run(call->self, 8, &room);
    (void)call->end_run(call->self, 1000);
    (void)call->end_run(call->self, 1000);
    room = 2;
    (void)call->begin_run(call->self, 8, &room);
    put(call, "alone");
    (void)call->end_run(call->self, 1000);
    call->end_item(call->self, BULKHEAD_OK);
    return std::int32_t{BULKHEAD_OK};
  })});
  host.call(0, Bytes(4 * 4), 4, 4);
  EXPECT_EQ(host.next_reply().payload.size(), 16u);
  // What the second end_run() threw away was no item's; the item that lost its own result within a run has none.
  const Reply third = host.next_reply();
  EXPECT_EQ(third.header.index, 2u);
  EXPECT_EQ(third.header.outcome, BULKHEAD_OK);
  EXPECT_EQ(host.next_reply().header.outcome, BULKHEAD_TASK_FAILED) << "the plugin did not end it";
}

TEST(ExecutorRuns, OfAWorkerThatDiesCanBeFound) {
  Host host;
  const int status = host.status_of_process(
      {task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
        (void)run_of_numbers(call, 2, 2);
        std::uint64_t room = 8;
        auto* const out = static_cast<std::byte*>(call->begin_run(call->self, 8, &room));
        const std::uint64_t number = 77;
        std::memcpy(out, &number, sizeof number);
        __atomic_store_n(call->running_item, *call->running_item + 1, __ATOMIC_RELEASE);
        std::_Exit(5);
      })},
      [&] { host.call(0, Bytes(10 * 4), 10, 4); });
  EXPECT_EQ(WEXITSTATUS(status), 5);
  EXPECT_EQ(host.next_reply().payload.size(), 16u);
  const auto run = host.channel().unpublished_run(1000, 8);
  EXPECT_EQ(run.first, 2u);
  EXPECT_EQ(Bytes(run.results.begin(), run.results.end()), packed(std::uint64_t{77}));
  EXPECT_TRUE(host.channel().unpublished_run(1001, 8).results.empty()) << "another task's";
  EXPECT_TRUE(host.channel().unpublished_run(1000, 1u << 30).results.empty()) << "more than there is";
}

}  // namespace
}  // namespace bulkhead::worker::test
