// CPython's _TestPoolWorkerErrors, and what a pool does that cannot be made or started: TestPoolNotLeakOnFailure.
#include <sys/resource.h>

#include "parity/parity_types.hpp"
#include "parity_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class PoolFailureTest : public ParityPoolTest {};

// How many descriptors this process may open beyond those it has; as it was, when destroyed.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(rlim_t left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const auto open = open_descriptors();
    // A limit is one of numbers: those below it that are free count, too.
    rlim_t limit = 0;
    for (rlim_t free = 0; free < left || open.contains(static_cast<int>(limit)); ++limit) {
      if (!open.contains(static_cast<int>(limit))) ++free;
    }
    const rlimit lowered{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  DescriptorsLeft(const DescriptorsLeft&) = delete;
  DescriptorsLeft& operator=(const DescriptorsLeft&) = delete;
  ~DescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_P(PoolFailureTest, TheErrorCallbackGetsWhatGetThrows) {
  std::vector<std::string> told;
  const auto result = pool_.apply_async<std::int64_t>("echo.positive",
                                                      {.on_error =
                                                           [&](const Error& error) {
                                                             EXPECT_EQ(error.code(), ErrorCode::kTask);
                                                             told.emplace_back(error.what());
                                                           }},
                                                      -1);
  const auto thrown = text_thrown<TaskError>([&] { (void)result.get(); });
  EXPECT_EQ(told, std::vector<std::string>{thrown});
}

TEST_P(PoolFailureTest, AResultThatCannotBeEncodedCostsNoWorker) {
  auto pool = make_pool({.processes = 2});
  wait_until_ready(pool);
  const auto pids = worker_pids(pool);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> told;
    const auto result = pool.apply_async<Awkward>(
        "parity.hopeless", {.on_error = [&](const Error& error) { told.emplace_back(error.what()); }});
    const auto thrown = text_thrown<PayloadError>([&] { (void)result.get(); });
    EXPECT_THAT(thrown, HasSubstr("this value has no form"));
    EXPECT_EQ(told, std::vector<std::string>{thrown});
  }
  EXPECT_EQ(worker_pids(pool), pids);
}

TEST_P(PoolFailureTest, AResultThatCannotBeDecodedCostsNoWorker) {
  auto pool = make_pool({.processes = 2});
  wait_until_ready(pool);
  const auto pids = worker_pids(pool);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(text_thrown<PayloadError>([&] { (void)pool.apply<Awkward>("parity.unreadable"); }),
                HasSubstr("this value cannot be read"));
  }
  EXPECT_EQ(worker_pids(pool), pids);
}

INSTANTIATE_TEST_SUITE_P(Parity, PoolFailureTest, with_every_start_method, by_name);

class UnmakeablePoolTest : public ParityTest {
 protected:
  // The running processes that `parent` started.
  [[nodiscard]] static std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& folder : std::filesystem::directory_iterator("/proc")) {
      const std::string name = folder.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos || !process_exists(std::stol(name))) continue;
      std::ifstream file(folder.path() / "status");
      for (std::string line; std::getline(file, line);) {
        if (line == "PPid:\t" + std::to_string(parent)) found.push_back(static_cast<pid_t>(std::stol(name)));
      }
    }
    return found;
  }
};

TEST_P(UnmakeablePoolTest, LeavesNoWorkerAndNoDescriptorBehind) {
  const auto descriptors = open_descriptors();
  int failed = 0;
  for (rlim_t left = 0; left < 40; left += 2) {
    {
      auto engine = make_engine({.on_log = log_.sink()});
      try {
        const DescriptorsLeft few(left);
        const auto pool = engine.pool(with_start_method({.processes = 5}));
      } catch (const ResourceError&) {
        ++failed;
      }
      EXPECT_TRUE(eventually(kPatience, [] { return children_of(find_warden()).empty(); })) << left;
      EXPECT_EQ(engine.pool(with_start_method({.processes = 2})).apply<std::int64_t>("parity.square", 3), 9);
    }
    EXPECT_TRUE(eventually(kPatience, [&] { return open_descriptors() == descriptors; })) << left;
  }
  EXPECT_GT(failed, 0);
}

INSTANTIATE_TEST_SUITE_P(Parity, UnmakeablePoolTest, with_every_start_method, by_name);

}  // namespace
}  // namespace bulkhead::test
