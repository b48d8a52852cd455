#include <gtest/gtest.h>

#include <random>
#include <string>

#include "protocol/control.hpp"

namespace bulkhead::protocol {
namespace {

ProbedTask full_task() {
  return {.name = "math.add",
          .signature = "(i64,i64)->i64",
          .doc = "adds",
          .param_names = {"a", "b"},
          .codecs = 3,
          .flags = 1,
          .required_flags = 2,
          .retries = -1,
          .timeout_ns = 5,
          .soft_timeout_ns = 6,
          .shape = 7};
}

TEST(ControlMessage, ComesBackAsItWasSent) {
  const auto back = decode<ProbedTask>(encode(full_task()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "math.add");
  EXPECT_EQ(back->param_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(back->retries, -1);
  EXPECT_EQ(back->shape, 7U);

  const auto failed = decode<Failed>(encode(Failed{2, std::uint8_t{4}, "img", "no model"}));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->reason, 4);
  EXPECT_EQ(failed->text, "no model");

  const auto initializer = decode<InitializerMessage>(encode(InitializerMessage{"db.connect", 3, 1, 70'000}));
  ASSERT_TRUE(initializer);
  EXPECT_EQ(initializer->task, "db.connect");
  EXPECT_EQ(initializer->task_index, 3U);
  EXPECT_EQ(initializer->arguments_bytes, 70'000U);

  EXPECT_TRUE(decode<Quit>(encode(Quit{})));
}

TEST(ControlMessage, IsNotTakenForOneOfAnotherKind) {
  EXPECT_FALSE(decode<Attached>(encode(Ready{})));
  EXPECT_FALSE(decode<ProcessExited>(encode(ProcessStopped{1, true})));
}

TEST(ControlMessage, IsRefusedWhenItEndsEarlyOrLate) {
  auto bytes = encode(full_task());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode<ProbedTask>(std::span(bytes).first(size))) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode<ProbedTask>(bytes));
}

TEST(ControlMessage, SurvivesAnyBytes) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto good = encode(full_task());
  for (int turn = 0; turn < 20'000; ++turn) {
    auto bytes = good;
    for (int change = 0; change < 4; ++change) {
      // The first byte is the kind: what is behind it must be looked at.
      bytes[1 + random() % (bytes.size() - 1)] = static_cast<std::byte>(random());
    }
    if (const auto message = decode<ProbedTask>(bytes)) {
      EXPECT_EQ(encode(*message), bytes) << "what is accepted means exactly its bytes";
    }
  }
}

TEST(ControlMessage, CutsLongTextsBetweenCharacters) {
  const std::string cut = cut_text(std::string(kMaxControlTextBytes - 12, 'x') + "äöüäöüäöü");
  EXPECT_LE(cut.size(), kMaxControlTextBytes);
  EXPECT_TRUE(cut.ends_with("x… (cut)") || cut.ends_with("ä… (cut)")) << cut.substr(cut.size() - 20);
  EXPECT_EQ(cut_text("short"), "short");
}

TEST(ControlMessage, BuildIdNamesTheVersion) {
  EXPECT_NE(build_id().find('+'), std::string_view::npos);
  EXPECT_GT(build_id().size(), 10U);
}

}  // namespace
}  // namespace bulkhead::protocol
