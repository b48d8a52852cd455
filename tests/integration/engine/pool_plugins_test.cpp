// PoolOptions::plugins: a pool that loads a part of the engine's plugins.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class PoolPluginsTest : public EngineTest {
 protected:
  using Names = std::vector<std::string>;

  // `misbehave` writes a line wherever it is loaded.
  static Manifest manifest(const std::string& count_in) {
    Manifest made;
    auto& misbehave = made.plugins.emplace_back();
    misbehave.path.value = fixture_plugin("misbehave");
    misbehave.config.value = R"({"count_in": ")" + count_in + R"("})";
    made.plugins.emplace_back().path.value = fixture_plugin("echo");
    return made;
  }

  const ScratchFolder folder_;
};

TEST_F(PoolPluginsTest, AreTheOnlyOnesLoaded) {
  auto engine = Engine::from_manifest(manifest(folder_.file("loads")));
  auto pool = engine.pool({.processes = 2, .plugins = Names{"echo"}});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", std::views::iota(0, 100)).size(), 100u);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("loads")));
}

TEST_F(PoolPluginsTest, KeepTheirTasksApart) {
  auto engine = Engine::from_manifest(manifest(folder_.file("loads")));
  auto pool = engine.pool({.processes = 1, .plugins = Names{"misbehave"}});
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.sleep_ms", 1), 1);
  EXPECT_EQ(lines_of(folder_.file("loads")).size(), 1u);
}

TEST_F(PoolPluginsTest, ThatAreLeftOutAreNamedToWhoeverCallsThem) {
  auto pool = engine_.pool({.processes = 1, .plugins = Names{"misbehave"}});
  const auto text = text_thrown<TaskNotFound>([&] { (void)pool.apply<std::int64_t>("echo.add", 2, 3); });
  EXPECT_THAT(text, HasSubstr("\"echo.add\""));
  EXPECT_THAT(text, HasSubstr("does not load plugin \"echo\""));
  EXPECT_THROW((void)pool.apply_json("echo.add", "[2,3]"), TaskNotFound);
  EXPECT_THROW((void)engine_.pool({.initializer = "echo.nothing", .plugins = Names{"misbehave"}}), TaskNotFound);
}

TEST_F(PoolPluginsTest, MayBeAllOfThemInAnyOrder) {
  auto pool = engine_.pool({.processes = 1, .plugins = Names{"misbehave", "echo", "misbehave"}});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.sleep_ms", 1), 1);
}

TEST_F(PoolPluginsTest, HaveAnInitializerOfTheirOwn) {
  auto engine = Engine::from_manifest(manifest(folder_.file("loads")));
  auto pool = engine.pool(
      {.processes = 1, .initializer = "echo.count", .initargs = bulkhead::args(40), .plugins = Names{"echo"}});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 2), 42);
}

TEST_F(PoolPluginsTest, MustExist) {
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine_.pool({.plugins = Names{"ecko"}}); }),
              HasSubstr("did you mean \"echo\"?"));
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine_.pool({.plugins = Names{"entirely_else"}}); }),
              HasSubstr("the engine has \"echo\", \"misbehave\""));
  EXPECT_THROW((void)engine_.pool({.plugins = Names{}}), UsageError);
}

TEST_F(PoolPluginsTest, OfTheManifestAreTheDefault) {
  auto made = manifest(folder_.file("loads"));
  made.pool_plugins.value = Names{"echo"};
  auto engine = Engine::from_manifest(std::move(made));
  {
    auto pool = engine.pool({.processes = 1});
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
    EXPECT_THROW((void)pool.apply<std::int64_t>("misbehave.pid"), TaskNotFound);
  }
  auto other = engine.pool({.processes = 1, .plugins = Names{"misbehave"}});
  EXPECT_GT(other.apply<std::int64_t>("misbehave.pid"), 0);
}

TEST_F(PoolPluginsTest, AreTheOnlyOnesLoadedByThreadsToo) {
  auto engine = Engine::from_manifest(manifest(folder_.file("loads")));
  auto pool = engine.pool({.processes = 1, .start_method = StartMethod::kThread, .plugins = Names{"echo"}});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("loads")));
}

}  // namespace
}  // namespace bulkhead::test
