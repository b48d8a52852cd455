// Every way to misbehave in every place where a plugin's code runs: one worker at most is lost, and one task. README.md
// of the tests has what is seen here as a table.
#include <bulkhead/types.hpp>

#include <cstring>
#include <type_traits>

#include "../engine/engine_fixture.hpp"
#include "crash_matrix/fuse.hpp"

struct Bomb {
  Fuse fuse = Fuse::kNone;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(fuse);
  }
};
BULKHEAD_TYPE(Bomb)

namespace bulkhead::test {
namespace {

using Words = const char*;

// What the guilty task gets, by place. What goes wrong while a worker loads is the same for all: see kPlaces.
struct Row {
  Words misbehaviour;
  Words init, decode, run, encode, publish, destroy;
};
constexpr Row kRows[] = {
    {"segv", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV"},
    {"abort", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT"},
    {"stack_overflow", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV", "SIGSEGV"},
    {"exit", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0"},
    {"underscore_exit", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0"},
    {"quick_exit", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0"},
    {"throw_std", "TaskError", "PayloadError", "TaskError", "PayloadError", "result", "PayloadError"},
    {"throw_int", "TaskError", "PayloadError", "TaskError", "PayloadError", "result", "PayloadError"},
    {"throw_noexcept", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT", "SIGABRT"},
    {"pthread_exit", "exit 72", "exit 72", "exit 72", "exit 72", "exit 72", "exit 72"},
    {"sigkill", "SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL"},
    {"sigstop", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout"},
    {"endless_loop", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout", "TaskTimeout"},
    {"execve", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0"},
};

// Where it misbehaves.
struct Place {
  Words name;
  Words Row::*verdict;  // null: what follows, whatever it does
  Words of_all = nullptr;
  Phase phase = Phase::kRun;  // what a WorkerLost says
};
constexpr Words kReplaced = "replaced";  // a worker did not get ready, and the task has its result all the same
constexpr Place kPlaces[] = {
    {"probe", nullptr, "PluginError"},  // in the throw-away process, before any worker
    {"load", nullptr, kReplaced},
    {"resolve", nullptr, kReplaced},
    {"init", &Row::init, nullptr, Phase::kInit},
    {"decode", &Row::decode, nullptr, Phase::kDecode},
    {"run", &Row::run},
    {"encode", &Row::encode, nullptr, Phase::kEncode},
    {"publish", &Row::publish, nullptr, Phase::kPublish},
    {"destroy", &Row::destroy, nullptr, Phase::kDestroy},
};

struct Cell {
  Row row;
  Place place;
  [[nodiscard]] std::string expected() const { return place.verdict != nullptr ? row.*place.verdict : place.of_all; }
};

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  for (const Row& row : kRows) {
    for (const Place& place : kPlaces) {
      // The probe's own ten seconds: PluginProbe.GivesUpOnAConstructorThatHangs has less patience.
      const bool is_hanging = std::string_view(row.run) == "TaskTimeout";
      if (!is_hanging || std::string_view(place.name) != "probe") cells.push_back({row, place});
    }
  }
  return cells;
}

int innocents() {
  const char* const given = std::getenv("BULKHEAD_TEST_INNOCENTS");
  return given != nullptr ? std::stoi(given) : 30;
}

// Of a worker's start and of the guilty task; nothing else has a limit, and both end only what would never end.
constexpr auto kStartLimit = 1s;
constexpr auto kTaskLimit = 250ms;

std::string outcome_of(const std::function<void()>& act, Phase phase) {
  try {
    act();
    return "result";
  } catch (const WorkerLost& lost) {
    EXPECT_EQ(name_of(lost.phase()), name_of(phase));
    if (lost.signal() != 0) return std::string("SIG") + ::sigabbrev_np(lost.signal());
    return "exit " + std::to_string(lost.exit_code());
  } catch (const Error& error) {
    return std::string(name_of(error.code()));
  }
}

class CrashMatrixTest : public ::testing::TestWithParam<Cell> {
 protected:
  CrashMatrixTest() { ::setenv("BULKHEAD_TEST_GATE", folder_.file("").c_str(), 1); }
  ~CrashMatrixTest() override { ::unsetenv("BULKHEAD_TEST_GATE"); }

  [[nodiscard]] Engine make_engine() {
    const std::string misbehaviour = GetParam().row.misbehaviour;
    return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("guilty_" + misbehaviour),
                                 fixture_plugin("guilty_publisher_" + misbehaviour)},
                                {.on_log = log_.sink()});
  }
  // Lets the first process that gets there misbehave. Only these two places are reached without a task.
  void open_gate(const std::string& place) { touch(folder_.file(place)); }

  // Submits the guilty task; what to call for its result.
  [[nodiscard]] static std::function<void()> submit(Pool& pool, std::string_view place) {
    const auto call = [&]<class R>(const std::string& task, std::type_identity<R>, auto... arguments) {
      auto result = pool.apply_async<R>(task, {.timeout = kTaskLimit}, arguments...);
      return [result] { (void)result.get(); };
    };
    constexpr std::type_identity<void> kNothing;
    if (place == "init") return call("guilty.init", kNothing);
    if (place == "decode") return call("guilty.take", kNothing, Bomb{Fuse::kDecode});
    if (place == "run") return call("guilty.run", kNothing);
    if (place == "encode") return call("guilty.give", std::type_identity<Bomb>());
    if (place == "publish") return call("guilty_publisher.publish", kNothing);
    if (place == "destroy") return call("guilty.take", kNothing, Bomb{Fuse::kDestroy});
    return call("guilty.take", kNothing, Bomb{});
  }

  // For tables.sh.
  void record(const std::string& outcome) const {
    const char* const path = std::getenv("BULKHEAD_TEST_RECORD");
    if (path == nullptr) return;
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
    std::ofstream(path, std::ios::app) << GetParam().row.misbehaviour << '\t' << GetParam().place.name << '\t'
                                       << outcome << '\t' << time.count() << '\n';
  }

  ScratchFolder folder_;
  LogLines log_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

TEST_P(CrashMatrixTest, CostsNoInnocentTask) {
  const Cell& cell = GetParam();
  const std::string place = cell.place.name;
  if (place == "probe") {
    open_gate("load");
    const auto outcome = outcome_of([&] { (void)make_engine(); }, Phase::kLoad);
    EXPECT_EQ(outcome, cell.expected());
    return record(outcome);
  }
  auto engine = make_engine();
  open_gate(place);
  auto pool = engine.pool({.processes = 2, .init_timeout = kStartLimit, .kill_grace = 50ms});

  std::vector<AsyncResult<std::int64_t>> others;
  const auto submit_others = [&] {
    for (int i = 0; i < innocents() / 2; ++i) others.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  };
  submit_others();
  const auto guilty = submit(pool, place);
  submit_others();

  auto outcome = outcome_of(guilty, cell.place.phase);
  if (cell.expected() == kReplaced) {
    // The other worker may have done everything meanwhile.
    EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("did not get ready"); }));
    EXPECT_TRUE(log_.contains(fixture_plugin(std::string("guilty_") + cell.row.misbehaviour).string())) << log_.text();
    if (outcome == "result") outcome = kReplaced;
  }
  EXPECT_EQ(outcome, cell.expected()) << log_.text();
  for (std::size_t i = 0; i < others.size(); ++i) {
    EXPECT_EQ(others[i].get(), static_cast<std::int64_t>(i % (others.size() / 2) + 1));
  }
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5) << "the pool goes on";
  record(outcome);
}

INSTANTIATE_TEST_SUITE_P(By, CrashMatrixTest, ::testing::ValuesIn(all_cells()), [](const auto& cell) {
  return std::string(cell.param.row.misbehaviour) + "_" + cell.param.place.name;
});

}  // namespace
}  // namespace bulkhead::test
