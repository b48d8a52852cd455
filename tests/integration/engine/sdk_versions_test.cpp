// Plugins of an older and of a newer SDK in the workers of this one.
#include <bulkhead/sdk/abi.h>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class SdkVersionsTest : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::string task(const std::string& name) const { return std::string(GetParam()) + "." + name; }

  LogLines log_;
  Engine engine_ = [this] {
    Manifest manifest;
    auto& plugin = manifest.plugins.emplace_back();
    plugin.path.value = fixture_plugin(GetParam());
    plugin.config.value = R"({"step": 3})";
    return Engine::from_manifest(std::move(manifest), {.on_log = log_.sink()});
  }();
  Pool pool_ = engine_.pool({.processes = 1});
};

TEST_P(SdkVersionsTest, KnowOtherStructs) {
  const std::vector<std::uint64_t> ours{sizeof(bulkhead_plugin), sizeof(bulkhead_task), sizeof(bulkhead_call),
                                        sizeof(bulkhead_host)};
  const auto theirs = pool_.apply<std::vector<std::uint64_t>>(task("sizes"));
  ASSERT_EQ(theirs.size(), ours.size());
  EXPECT_NE(theirs, ours);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (std::string(GetParam()) == "sdk_before") {
      EXPECT_LE(theirs[i], ours[i]);
    } else {
      EXPECT_GT(theirs[i], ours[i]);
    }
  }
}

TEST_P(SdkVersionsTest, AreCalledByAnyName) {
  EXPECT_EQ(engine_.tasks().size(), 4u);
  EXPECT_EQ(pool_.apply<std::int64_t>(task("add"), 2, 3), 5);
  EXPECT_EQ(pool_.apply_json(task("add"), "[20,22]"), "42");
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs(1000, {1, 2});
  EXPECT_EQ(pool_.starmap<std::int64_t>(task("add"), pairs), std::vector<std::int64_t>(1000, 3));
}

TEST_P(SdkVersionsTest, HaveStateConfigurationLogAndProgress) {
  std::atomic<std::uint64_t> total = 0;
  const auto on_progress = [&](const Progress& progress) { total = progress.total; };
  EXPECT_EQ(pool_.apply_async<std::int64_t>(task("count"), CallOptions<std::int64_t>{.on_progress = on_progress}).get(),
            3);
  EXPECT_EQ(pool_.apply<std::int64_t>(task("count")), 6);
  pool_.close();
  pool_.join();
  EXPECT_EQ(total, 2u);
  EXPECT_THAT(log_.text(), HasSubstr("counts in steps of 3"));
}

TEST_P(SdkVersionsTest, FailWithTypeAndText) {
  try {
    pool_.apply<void>(task("fail"), "too far");
    ADD_FAILURE() << "it did not throw";
  } catch (const std::out_of_range& error) {
    EXPECT_THAT(error.what(), HasSubstr("too far"));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, SdkVersionsTest, ::testing::Values("sdk_before", "sdk_after"),
                         [](const auto& plugin) { return std::string(plugin.param); });

}  // namespace
}  // namespace bulkhead::test
