// Shared arrays between a host and real workers.
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <numeric>

#include "engine_fixture.hpp"
#include "protocol/dead_letter.hpp"
#include "shared/shared_types.hpp"

namespace bulkhead::test {
namespace {

using Doubles = SharedArray<const double>;

SharedArray<double> counting(std::size_t size) {
  SharedArray<double> xs(size);
  std::iota(xs.begin(), xs.end(), 1.0);
  return xs;
}
// Of 1 to n.
double sum_to(double n) { return n * (n + 1) / 2; }

class SharedArrayTest : public ::testing::Test {
 protected:
  static Engine make_engine() { return Engine::from_plugins({fixture_plugin("shared"), fixture_plugin("echo")}); }
  // All workers have let go, but for what they keep themselves.
  static void expect_views(Pool& pool, std::uint32_t views) {
    EXPECT_TRUE(eventually(kPatience, [&] { return pool.apply<std::uint32_t>("shared.views") == views; }))
        << pool.apply<std::uint32_t>("shared.views");
  }

  Engine engine_ = make_engine();
  Pool pool_ = engine_.pool({.processes = 1});
};

TEST_F(SharedArrayTest, IsReadByATask) {
  EXPECT_EQ(pool_.apply<double>("shared.sum", counting(1000)), sum_to(1000));
  EXPECT_EQ(pool_.apply<double>("shared.sum_by_reference", counting(1000)), sum_to(1000));
  EXPECT_EQ(pool_.apply<double>("shared.sum", Doubles(counting(1000))), sum_to(1000));
  const std::vector<double> xs{1, 2, 3};
  EXPECT_EQ(pool_.apply<double>("shared.sum", Doubles::copy_of(xs)), 6);
  EXPECT_EQ(pool_.apply<double>("shared.sum", xs), 6) << "put into one by the call";
  EXPECT_EQ(pool_.apply<double>("shared.sum", Doubles()), 0) << "an empty one";
}

// A control socket holds some 270 messages, and a worker reads them when a record needs them.
TEST_F(SharedArrayTest, IsOneOfMoreThanASocketHolds) {
  constexpr std::size_t kArrays = 450;
  std::vector<SharedArray<double>> arrays;
  for (std::size_t i = 0; i < kArrays; ++i) arrays.push_back(counting(i + 1));
  MapOptions<double> options;
  options.chunk_size = kArrays;
  const auto sums = pool_.map<double>("shared.sum", arrays, std::move(options));
  ASSERT_EQ(sums.size(), kArrays);
  for (std::size_t i = 0; i < kArrays; ++i) EXPECT_EQ(sums[i], sum_to(static_cast<double>(i + 1)));
}

// More than a worker may have records that it has not answered; these have no answer.
TEST_F(SharedArrayTest, IsDroppedByTheThousandWhileTheWorkerHasNothingToDo) {
  constexpr rlim_t kDescriptors = 10'000;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < kDescriptors) {
    GTEST_SKIP() << "each array is a descriptor, and only " << limit.rlim_max
                 << " can be (WorkerLinkTest shows the rest)";
  }
  const rlimit raised{.rlim_cur = std::max(limit.rlim_cur, kDescriptors), .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &raised), 0);
  {
    auto pool = engine_.pool({.processes = 1});
    {
      std::vector<SharedArray<double>> arrays;
      for (int i = 0; i < 3000; ++i) {
        arrays.push_back(counting(10));
        ASSERT_EQ(pool.apply<double>("shared.sum", arrays.back()), sum_to(10));
      }
    }
    EXPECT_EQ(pool.apply_async<std::int64_t>("echo.add", 1, 2).get(kPatience), 3);
    expect_views(pool, 0);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(SharedArrayTest, IsWrittenInPlace) {
  const auto xs = counting(100'000);
  pool_.apply<void>("shared.add", xs, 0.5);
  EXPECT_EQ(std::accumulate(xs.begin(), xs.end(), 0.0), sum_to(100'000) + 50'000);
  // Two slices, each a task's.
  auto first = pool_.apply_async<void>("shared.add", xs.slice(0, 50'000), -0.5);
  auto second = pool_.apply_async<void>("shared.add", xs.slice(50'000), 1.5);
  first.get();
  second.get();
  EXPECT_EQ(xs[0], 1);
  EXPECT_EQ(xs[49'999], 50'000);
  EXPECT_EQ(xs[50'000], 50'001 + 2);
  EXPECT_EQ(pool_.apply<double>("shared.first_and_last", xs.slice(10, 2)), 11 + 12);
}

TEST_F(SharedArrayTest, OfOtherElementsIsRefusedBeforeAnythingIsSent) {
  const auto xs = counting(10);
  EXPECT_THAT(text_thrown<SignatureMismatch>([&] { pool_.apply<void>("shared.add", Doubles(xs), 1.0); }),
              ::testing::HasSubstr("shared<f64> does not convert to shared_mut<f64>"));
  EXPECT_THROW(pool_.apply<double>("shared.sum", SharedArray<float>(10)), SignatureMismatch);
  EXPECT_THROW(pool_.apply<void>("shared.add", std::vector<double>{1}, 1.0), SignatureMismatch);
  EXPECT_THROW((pool_.task<void(Doubles, double)>("shared.add")), SignatureMismatch);
  EXPECT_THROW(pool_.apply<double>("shared.sum", std::vector<float>{1}), SignatureMismatch);
}

TEST_F(SharedArrayTest, TravelsInContainersAndMembers) {
  const auto xs = counting(10);
  const auto ys = counting(20);
  EXPECT_EQ(pool_.apply<double>("shared.sum_of_all", std::vector<Doubles>{xs, ys, xs.slice(0, 1)}),
            sum_to(10) + sum_to(20) + 1);
  EXPECT_EQ(pool_.apply<double>("shared.sum_of_all", std::vector{xs, ys}), sum_to(10) + sum_to(20));
  EXPECT_EQ(pool_.apply<double>("shared.sum_of_column", shared_fixture::Column{"c", xs}), sum_to(10));
  EXPECT_EQ(pool_.apply<double>("shared.sum_if_any", xs), sum_to(10));
  EXPECT_EQ(pool_.apply<double>("shared.sum_if_any"), -1);
  SharedArray<shared_fixture::Point> points(3);
  for (auto& point : points) point = {1, 2};
  EXPECT_EQ(pool_.apply<float>("shared.sum_of_points", points), 9);
  const std::vector<std::byte> bytes(1000, std::byte{3});
  EXPECT_EQ(pool_.apply<std::uint64_t>("shared.sum_of_bytes", Bytes::copy_of(bytes)), 3000u);
}

TEST_F(SharedArrayTest, IsGivenByValueToATaskThatTakesAList) {
  const auto numbers = SharedArray<const std::int64_t>::copy_of(std::vector<std::int64_t>{3, 4});
  EXPECT_EQ(pool_.apply<std::vector<std::int64_t>>("echo.list_i64", numbers), (std::vector<std::int64_t>{3, 4}));
}

TEST_F(SharedArrayTest, IsMappedOnceInAWorkerHoweverManyTasksHaveIt) {
  auto pool = engine_.pool({.processes = 2});
  const auto xs = counting(1000);
  EXPECT_EQ(pool.map<double>("shared.sum", std::vector<Doubles>(1000, xs), {.chunk_size = 7}),
            std::vector<double>(1000, sum_to(1000)));
  std::vector<Doubles> slices;
  for (std::size_t i = 0; i < 1000; ++i) slices.push_back(xs.slice(i, 1));
  double sum = 0;
  for (const double part : pool.imap_unordered<double>("shared.sum", slices, {.chunk_size = 10})) sum += part;
  EXPECT_EQ(sum, sum_to(1000));
  EXPECT_EQ(xs.use_count(), 1 + 1000);
  for (int i = 0; i < 100; ++i) EXPECT_LE(pool.apply<std::uint32_t>("shared.views"), 1u);
  EXPECT_EQ(shared_mapping_count_of("bulkhead-array"), 1u) << "in the host";
  // A range whose length is not known is encoded whole, then cut into chunks.
  auto ranged = slices | std::views::filter([](const Doubles& part) { return part[0] > 990; });
  EXPECT_EQ(pool.map<double>("shared.sum", ranged).size(), 10u);
}

TEST_F(SharedArrayTest, IsGivenBackByIdleWorkersToo) {
  auto xs = counting(1u << 20);
  EXPECT_EQ(pool_.apply<double>("shared.first_and_last", xs), 1.0 + (1u << 20));
  const auto worker = pool_.apply<std::int64_t>("shared.pid");
  const auto has_it = [&] { return mapping_count("/proc/" + std::to_string(worker) + "/maps", "bulkhead-array") > 0; };
  EXPECT_TRUE(has_it());
  xs = {};
  EXPECT_TRUE(eventually(kPatience, [&] { return !has_it(); })) << "without another call";
}

TEST_F(SharedArrayTest, LivesAsLongAsATaskWaitsForIt) {
  auto busy = pool_.apply_async<void>("shared.wait", 50ms);
  std::vector<AsyncResult<double>> sums;
  for (std::size_t size = 1; size <= 100; ++size) {
    sums.push_back(pool_.apply_async<double>("shared.sum", counting(size)));  // no handle stays
  }
  for (std::size_t size = 1; size <= 100; ++size) EXPECT_EQ(sums[size - 1].get(), sum_to(static_cast<double>(size)));
  expect_views(pool_, 0);
  EXPECT_EQ(shared_mapping_count_of("bulkhead-array"), 0u) << "though the results are still there";
}

TEST_F(SharedArrayTest, OutlivesPoolAndEngine) {
  auto xs = counting(10);
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    pool.apply<void>("shared.add", xs, 1.0);
  }
  EXPECT_EQ(xs[9], 11);
  EXPECT_EQ(pool_.apply<double>("shared.sum", xs), sum_to(10) + 10);
}

TEST_F(SharedArrayTest, KeptByAPluginStaysThere) {
  pool_.apply<void>("shared.keep", counting(1000));
  EXPECT_EQ(shared_mapping_count_of("bulkhead-array"), 0u) << "the host has let go";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool_.apply<double>("shared.sum", counting(10)), sum_to(10));
  expect_views(pool_, 1);
  EXPECT_EQ(pool_.apply<double>("shared.sum_of_kept"), sum_to(1000));
  pool_.apply<void>("shared.forget");
  expect_views(pool_, 0);
}

TEST_F(SharedArrayTest, ThatIsReadCannotBeWritten) {
  const auto xs = counting(10);
  EXPECT_THROW(pool_.apply<void>("shared.write_anyway", xs), WorkerLost);
  EXPECT_EQ(xs[0], 1);
  EXPECT_FALSE(pool_.apply<bool>("shared.make_writable", xs));
  const std::vector<double> ones{1, 1};
  const auto constant = Doubles::copy_of(ones);
  EXPECT_FALSE(pool_.apply<bool>("shared.make_writable", constant));
  // A worker that has both views of one array.
  pool_.apply<void>("shared.add", xs, 1.0);
  EXPECT_EQ(pool_.apply<double>("shared.sum", xs), sum_to(10) + 10);
  EXPECT_FALSE(pool_.apply<bool>("shared.make_writable", xs));
}

TEST_F(SharedArrayTest, StaysAsADeadWorkerLeftItAndNothingElseStays) {
  auto xs = counting(10);
  EXPECT_THROW(pool_.apply<void>("shared.write_and_die", xs), WorkerLost);
  EXPECT_EQ(xs[0], 42);
  EXPECT_EQ(pool_.apply<double>("shared.sum", xs), sum_to(10) + 41) << "and its successor is sent it";
  EXPECT_EQ(xs.use_count(), 1);
}

TEST_F(SharedArrayTest, IsThereForEveryAttempt) {
  auto xs = SharedArray<double>(1);
  auto result = pool_.apply_async<std::uint32_t>("shared.add_until_third_time", {.retries = 2}, xs);
  EXPECT_EQ(result.get(), 3u);
  EXPECT_EQ(xs[0], 3) << "each attempt found what the one before had left";
  auto alone = pool_.apply_async<std::uint32_t>("shared.add_until_third_time", {.retries = 2}, SharedArray<double>(1));
  EXPECT_EQ(alone.get(), 3u) << "without a handle of the caller's";
}

TEST_F(SharedArrayTest, GoesWithATaskThatIsTakenBack) {
  auto pool = engine_.pool({.processes = 2});
  auto gate = SharedArray<double>(1);
  std::vector<AsyncResult<double>> waiting;
  for (int i = 0; i < 2; ++i) waiting.push_back(pool.apply_async<double>("shared.wait_for_host", gate));
  ASSERT_TRUE(eventually(kPatience, [&] {
    const auto workers = pool.stats().workers;
    return std::all_of(workers.begin(), workers.end(), [](const auto& worker) { return !worker.running_task.empty(); });
  }));
  std::vector<AsyncResult<double>> sums;
  for (std::size_t size = 1; size <= 40; ++size) sums.push_back(pool.apply_async<double>("shared.sum", counting(size)));
  // One of the two is killed; what lay behind it runs elsewhere. Some are never run.
  EXPECT_EQ(waiting[0].cancel(CancelMode::kForce, 0s), CancelOutcome::kKilled);
  EXPECT_EQ(sums[39].cancel(), CancelOutcome::kNeverRan);
  std::atomic_ref(gate[0]).store(5);
  EXPECT_EQ(waiting[1].get(), 5);
  for (std::size_t size = 1; size < 40; ++size) EXPECT_EQ(sums[size - 1].get(), sum_to(static_cast<double>(size)));
  waiting.clear();
  gate = {};
  EXPECT_TRUE(eventually(kPatience, [] { return shared_mapping_count_of("bulkhead-array") == 0; }));
}

TEST_F(SharedArrayTest, IsAResult) {
  auto xs = pool_.apply<SharedArray<double>>("shared.ramp", 1'000'000);
  ASSERT_EQ(xs.size(), 1'000'000u);
  EXPECT_EQ(std::accumulate(xs.begin(), xs.end(), 0.0), sum_to(1'000'000));
  xs[0] = 5;
  EXPECT_EQ(pool_.apply<double>("shared.first_and_last", xs), 1'000'005) << "an argument like any other";
  pool_.apply<void>("shared.add", xs.slice(0, 1), 2.0);
  EXPECT_EQ(xs[0], 7);
  const Doubles constant = pool_.apply<Doubles>("shared.ramp", 3);
  EXPECT_EQ(constant[2], 3);
  EXPECT_TRUE(pool_.apply<SharedArray<double>>("shared.ramp", 0).empty());
  EXPECT_THROW(pool_.apply<SharedArray<float>>("shared.ramp", 3), SignatureMismatch);
  pool_.apply<void>("shared.ramp", 3);
  xs = {};
  expect_views(pool_, 0);
  EXPECT_EQ(shared_mapping_count_of("bulkhead-array"), 1u);
}

TEST_F(SharedArrayTest, IsAPartOfAResult) {
  const auto ramps = pool_.apply<std::vector<Doubles>>("shared.ramps", 20);
  ASSERT_EQ(ramps.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(ramps[i][i], static_cast<double>(i + 1));
  const auto column = pool_.apply<shared_fixture::Column>("shared.column", "c");
  EXPECT_EQ(column.name, "c");
  EXPECT_EQ(std::accumulate(column.values.begin(), column.values.end(), 0.0), sum_to(10));
}

TEST_F(SharedArrayTest, ThatIsGivenBackIsTheSameMemory) {
  const auto xs = counting(10);
  const auto same = pool_.apply<SharedArray<double>>("shared.same", xs.slice(2, 3));
  ASSERT_EQ(same.size(), 3u);
  same[0] = -1;
  EXPECT_EQ(xs[2], -1);
  pool_.apply<void>("shared.keep", xs);
  const auto kept = pool_.apply<Doubles>("shared.give_kept");
  xs[9] = -2;
  EXPECT_EQ(kept[9], -2);
  pool_.apply<void>("shared.forget");
}

TEST_F(SharedArrayTest, IsTheResultOfEachItemOfAMap) {
  auto pool = engine_.pool({.processes = 2});
  std::vector<std::uint64_t> sizes(200);
  std::iota(sizes.begin(), sizes.end(), 1);
  const auto all = pool.map<SharedArray<double>>("shared.ramp", sizes, {.chunk_size = 9});
  ASSERT_EQ(all.size(), 200u);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(all[i][i], static_cast<double>(i + 1));
}

// Nobody looks at the results before the last of them is there: each keeps its own arrays.
TEST_F(SharedArrayTest, IsTheResultOfEachOfManyCalls) {
  std::vector<AsyncResult<SharedArray<double>>> results;
  for (std::uint64_t size = 1; size <= 100; ++size) {
    results.push_back(pool_.apply_async<SharedArray<double>>("shared.ramp", size));
    if (size % 10 == 0) (void)pool_.apply_async<SharedArray<double>>("shared.ramp", size);  // wanted by nobody
  }
  for (std::size_t i = results.size(); i-- > 0;) EXPECT_EQ(results[i].get()[i], static_cast<double>(i + 1));
  results.clear();
  EXPECT_TRUE(eventually(kPatience, [] { return shared_mapping_count_of("bulkhead-array") == 0; }));
}

TEST_F(SharedArrayTest, ThatIsAResultOutlivesItsWorkerAndItsPool) {
  auto result = pool_.apply_async<SharedArray<double>>("shared.ramp", 1000);
  result.wait();
  EXPECT_THROW(pool_.apply<void>("shared.write_and_die", SharedArray<double>(1)), WorkerLost);
  pool_.terminate();
  pool_.join();
  EXPECT_EQ(result.get()[999], 1000);
  EXPECT_EQ(result.get().data(), result.get().data()) << "the same at every get()";
}

TEST_F(SharedArrayTest, ThatIsAResultComesFromAThreadToo) {
  auto pool = engine_.pool({.processes = 2, .start_method = StartMethod::kThread});
  for (int i = 0; i < 20; ++i) EXPECT_EQ((pool.apply<SharedArray<double>>("shared.ramp", 1000)[999]), 1000);
  EXPECT_EQ(pool.apply_json("shared.ramp", "[3]"), "[1.0,2.0,3.0]");
}

TEST_F(SharedArrayTest, OfTooGreatANumberIsAnErrorOfThatTaskAlone) {
  EXPECT_THAT(text_thrown<PayloadError>([&] { (void)pool_.apply<std::vector<Doubles>>("shared.ramps", 200); }),
              ::testing::HasSubstr("the host cannot take a shared array"));
  EXPECT_EQ((pool_.apply<SharedArray<double>>("shared.ramp", 10)[9]), 10);
  EXPECT_TRUE(eventually(kPatience, [] { return shared_mapping_count_of("bulkhead-array") == 0; }));
}

TEST_F(SharedArrayTest, IsSharedWithAChildOfTheTask) {
  EXPECT_EQ(pool_.apply<double>("shared.let_child_write", SharedArray<double>(1)), 7);
}

TEST_F(SharedArrayTest, IsTheSameMemoryInAThread) {
  auto pool = engine_.pool({.processes = 1, .start_method = StartMethod::kThread});
  auto xs = counting(1000);
  pool.apply<void>("shared.add", xs, 1.0);
  EXPECT_EQ(pool.apply<double>("shared.sum", xs), sum_to(1000) + 1000);
  EXPECT_FALSE(pool.apply<bool>("shared.make_writable", xs));
  pool.apply<void>("shared.keep", xs);
  xs = {};
  EXPECT_EQ(pool.apply<double>("shared.sum_of_kept"), sum_to(1000) + 1000);
  pool.apply<void>("shared.forget");
  EXPECT_TRUE(eventually(kPatience, [] { return shared_mapping_count_of("bulkhead-array") == 0; }));
}

TEST_F(SharedArrayTest, IsReadAndMadeFromJson) {
  EXPECT_EQ(pool_.apply_json("shared.sum", "[[1, 2, 3.5]]"), "6.5");
  EXPECT_EQ(pool_.apply_json("shared.sum_of_bytes", R"([{"base64": "AQID"}])"), "6");
  EXPECT_EQ(pool_.apply_json("shared.add", "[[1, 2], 3]"), "null") << "it writes to what nobody else has";
  EXPECT_EQ(pool_.apply_json("shared.sum_of_points", R"([[{"x": 1, "y": 2}]])"), "3.0");
}

TEST_F(SharedArrayTest, IsNoArgumentOfAnInitializer) {
  EXPECT_THAT(text_thrown<ArgumentError>([&] {
                (void)engine_.pool({.processes = 1, .initializer = "shared.keep", .initargs = args(counting(3))});
              }),
              ::testing::HasSubstr("an initializer cannot be given a shared array"));
}

TEST_F(SharedArrayTest, CannotBeReplayedFromADeadLetter) {
  const ScratchFolder folder;
  {
    auto pool = engine_.pool({.processes = 1, .dead_letters = folder.file("letters")});
    EXPECT_THROW(pool.apply<void>("shared.write_and_die", counting(3)), WorkerLost);
    pool.close();
    pool.join();
  }
  std::string letter;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("letters"))) letter = entry.path();
  const std::string command = std::string(std::getenv("BULKHEAD_WORKER")) + " --bulkhead-replay '" + letter +
                              "' 1 > '" + folder.file("said") + "'";
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_THAT(lines_of(folder.file("said")),
              ::testing::Contains(::testing::HasSubstr("a shared array lives in the pool that it was given to")));
}

TEST_F(SharedArrayTest, TooLargeForTheMachineIsAnErrorWhereItIsMade) {
  try {
    const SharedArray<double> xs(std::size_t{1} << 40);
    FAIL() << "eight tebibytes";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::not_enough_memory);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("cannot reserve 8796093022208 bytes of shared memory for an array"));
  }
  EXPECT_THROW(SharedArray<double>(~std::size_t{0}), std::system_error);
}

}  // namespace
}  // namespace bulkhead::test
