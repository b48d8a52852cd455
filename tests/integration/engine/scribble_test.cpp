// A worker writes to its shared memory what no worker of ours would: the task that did it is lost, and nothing else.
#include <algorithm>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class ScribbleTest : public ::testing::Test {
 protected:
  using Sums = std::vector<AsyncResult<std::int64_t>>;

  static void submit(Pool& pool, Sums& sums, int count) {
    for (int i = 0; i < count; ++i) {
      sums.push_back(pool.apply_async<std::int64_t>("echo.add", static_cast<std::int64_t>(sums.size()), 1));
    }
  }
  static void expect_right(const Sums& sums) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      ASSERT_TRUE(sums[i].wait(kPatience)) << i;
      EXPECT_EQ(sums[i].get(), static_cast<std::int64_t>(i + 1));
    }
  }

  LogLines log_;
  Engine engine_ = Engine::from_plugins(
      {fixture_plugin("echo"), fixture_plugin("misbehave"), fixture_plugin("scribble")}, {.on_log = log_.sink()});
  Pool broken_ = engine_.pool({.processes = 1});
  Pool other_ = engine_.pool({.processes = 2});
};

TEST_F(ScribbleTest, EveryRuleThatIsBrokenCostsTheTaskThatRan) {
  const auto ways = other_.apply<std::vector<std::string>>("scribble.ways_to_break_it");
  ASSERT_GT(ways.size(), 20u);
  for (const std::string& way : ways) {
    SCOPED_TRACE(way);
    Sums behind;
    Sums elsewhere;
    const auto guilty = broken_.apply_async<void>("scribble.break_protocol", way);
    submit(broken_, behind, 5);
    submit(other_, elsewhere, 10);
    ASSERT_TRUE(guilty.wait(kPatience));
    try {
      guilty.get();
      ADD_FAILURE() << "it ended well";
    } catch (const WorkerLost& lost) {
      EXPECT_THAT(lost.what(), AnyOf(HasSubstr("it broke the protocol"), HasSubstr("control")));
      EXPECT_EQ(lost.signal(), SIGKILL);
      EXPECT_EQ(lost.task(), "scribble.break_protocol");
      EXPECT_EQ(lost.phase(), Phase::kRun);
    }
    expect_right(behind);  // they had not begun, and run in the next process
    expect_right(elsewhere);
  }
}

TEST_F(ScribbleTest, ARunThatDoesNotFitItsCallCostsTheTask) {
  for (const auto& [bytes, index] : {std::pair(4u, 0u), {16u, 0u}, {8u, 1u}, {8000u, 0u}}) {
    SCOPED_TRACE(testing::Message() << bytes << " bytes from item " << index);
    EXPECT_THAT(text_thrown<WorkerLost>([&] { (void)broken_.apply<std::int64_t>("scribble.break_run", bytes, index); }),
                HasSubstr("it broke the protocol"));
  }
  EXPECT_EQ(broken_.apply<std::int64_t>("echo.add", 2, 3), 5) << "the pool goes on";
}

TEST_F(ScribbleTest, AResultForTheTaskOfAnotherWorkerIsNotTakenForIt) {
  const ScratchFolder folder;
  for (const char* way : {"task of a neighbour before", "task of a neighbour behind"}) {
    SCOPED_TRACE(way);
    const std::string exists = folder.file("exists");
    const std::string began = folder.file("began");
    touch(exists);
    // One behind the other in the task table, one before it; whichever the number was, it is a number.
    const auto before = other_.apply_async<std::int64_t>("misbehave.run_while_exists", exists, began);
    ASSERT_TRUE(eventually(kPatience, [&] { return lines_of(began).size() == 1; }));
    const auto guilty = other_.apply_async<void>("scribble.break_protocol", std::string(way));
    ASSERT_TRUE(guilty.wait(kPatience));
    EXPECT_THROW(guilty.get(), WorkerLost);
    EXPECT_FALSE(before.ready());
    std::filesystem::remove(exists);
    EXPECT_EQ(std::to_string(before.get()), lines_of(began).front());
    std::filesystem::remove(began);
  }
}

TEST_F(ScribbleTest, IllegalClaimsCountAsClaimedAndCondemn) {
  const ScratchFolder folder;
  for (const std::uint64_t value : {std::uint64_t{2}, std::uint64_t{0x5a5a5a5a5a5a5a5a}, ~std::uint64_t{0}}) {
    SCOPED_TRACE(value);
    const std::string done = folder.file("done");
    Sums elsewhere;
    const auto guilty = broken_.apply_async<void>("scribble.break_claims", value, done);
    ASSERT_TRUE(eventually(kPatience, [&] { return std::filesystem::exists(done); }));
    const auto behind = broken_.apply_async<std::int64_t>("echo.add", 2, 3);
    submit(other_, elsewhere, 10);
    (void)behind.cancel();  // for which the host looks at its claim word
    ASSERT_TRUE(guilty.wait(kPatience));
    EXPECT_THAT(text_thrown<WorkerLost>([&] { guilty.get(); }), HasSubstr("it broke the protocol"));
    ASSERT_TRUE(behind.wait(kPatience));
    EXPECT_THROW(behind.get(), WorkerLost) << "as far as anybody can tell it had begun";
    expect_right(elsewhere);
    EXPECT_EQ(broken_.apply<std::int64_t>("echo.add", 2, 3), 5) << "the pool goes on";
    std::filesystem::remove(done);
  }
}

TEST_F(ScribbleTest, RequestsTakenThatWereNeverMadeCondemn) {
  const ScratchFolder folder;
  const std::string done = folder.file("done");
  const std::string large(15'000, 'x');  // five of them do not fit the ring
  for (const std::uint64_t difference : {std::uint64_t{1} << 40, std::uint64_t{4}, ~std::uint64_t{7}}) {
    SCOPED_TRACE(difference);
    // A fresh worker, whose count is 0: later a smaller one may be one that the host has not seen yet.
    auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
    const auto guilty = pool.apply_async<void>("scribble.break_request_head", difference, done);
    ASSERT_TRUE(eventually(kPatience, [&] { return std::filesystem::exists(done); }));
    std::vector<AsyncResult<std::string>> behind;
    for (int i = 0; i < 8; ++i) behind.push_back(pool.apply_async<std::string>("echo.text", large));
    ASSERT_TRUE(guilty.wait(kPatience));
    EXPECT_THAT(text_thrown<WorkerLost>([&] { guilty.get(); }), HasSubstr("it broke the protocol"));
    for (const auto& result : behind) EXPECT_EQ(result.get(), large) << "it had not begun";
    std::filesystem::remove(done);
  }
}

TEST_F(ScribbleTest, LastWordsMayBeAnyBytes) {
  // A type's name that is 300 bytes long, and would be gigabytes when written out.
  std::string doubling = "PFvSt4pairIiiE";
  for (const char c : std::string("0123456789ABCDEFGHIJKLMNO")) doubling += std::string("S_IS") + c + "_S" + c + "_E";
  doubling += 'E';
  for (const std::string& type : {std::string("St12domain_error"), std::string("\x1b[2J"), doubling}) {
    const auto text = text_thrown<WorkerLost>([&] { broken_.apply<void>("scribble.break_last_words", type); });
    EXPECT_LT(text.size(), 65536u);
    EXPECT_THAT(text, HasSubstr("SIGKILL"));
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) { return c == '\x1b'; })) << "terminals obey it";
  }
  EXPECT_EQ(broken_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ScribbleTest, WhatOnlyPeopleLookAtChangesNothing) {
  Sums sums;
  for (int round = 0; round < 20; ++round) {
    EXPECT_GT(broken_.apply<std::int64_t>("scribble.break_what_does_not_matter"), 0);
    (void)broken_.stats();
    submit(broken_, sums, 5);
  }
  expect_right(sums);
}

TEST_F(ScribbleTest, AReplyThatNobodyAskedForCondemns) {
  const auto pid = broken_.apply<std::int64_t>("scribble.reply_later");
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); }));
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("it broke the protocol"); }));
  EXPECT_NE(broken_.apply<std::int64_t>("misbehave.pid"), pid);
}

TEST_F(ScribbleTest, WhatTheHostWritesCannotBeWritten) {
  try {
    broken_.apply<void>("scribble.write_to_requests");
    FAIL() << "it could";
  } catch (const WorkerLost& lost) {
    EXPECT_EQ(lost.signal(), SIGSEGV) << lost.what();
  }
}

// Noise over everything while the other pool works. A worker that lost its own replies may say nothing for ever, as any
// task may; its pool can be ended all the same.
TEST_F(ScribbleTest, AStormOverEverythingSharedHarmsNoTaskOfAnotherWorker) {
  const auto seed = random_seed();
  const ScratchFolder folder;
  const std::string began = folder.file("began");
  for (std::uint32_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
    Sums elsewhere;
    Sums stricken;
    const auto storm = pool.apply_async<std::int64_t>("scribble.storm", seed + round, began);
    ASSERT_TRUE(eventually(kPatience, [&] { return std::filesystem::exists(began); }));
    submit(pool, stricken, 50);
    submit(other_, elsewhere, 200);
    expect_right(elsewhere);
    pool.terminate();
    pool.join();
    ASSERT_TRUE(storm.wait(kPatience));
    for (const auto& result : stricken) ASSERT_TRUE(result.wait(kPatience));
    std::filesystem::remove(began);
  }
}

}  // namespace
}  // namespace bulkhead::test
