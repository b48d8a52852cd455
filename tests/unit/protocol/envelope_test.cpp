#include "protocol/envelope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace bulkhead::protocol {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<std::byte> encoded(const ErrorEnvelope& envelope) {
  sdk::BufferSink sink;
  encode_envelope(sink, envelope);
  return {sink.bytes().begin(), sink.bytes().end()};
}

TEST(ErrorEnvelope, ComesBackAsItWas) {
  const ErrorEnvelope sent{Phase::kInit, "MyError", std::string("a\0b\xff", 4), R"({"code":2})"};
  const auto received = decode_envelope(encoded(sent));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->phase, Phase::kInit);
  EXPECT_EQ(received->type, sent.type);
  EXPECT_EQ(received->text, sent.text);
  EXPECT_EQ(received->detail_json, sent.detail_json);
}

TEST(ErrorEnvelope, IsNotCutWhenItFits) {
  ErrorEnvelope envelope{Phase::kRun, std::string(kMaxErrorTypeBytes, 't'), std::string(kMaxErrorTextBytes, 'x'),
                         std::string(kMaxErrorDetailBytes, 'd')};
  cut_to_fit(envelope);
  EXPECT_EQ(envelope.type.size(), kMaxErrorTypeBytes);
  EXPECT_EQ(envelope.text, std::string(kMaxErrorTextBytes, 'x'));
  EXPECT_EQ(envelope.detail_json.size(), kMaxErrorDetailBytes);
  EXPECT_TRUE(decode_envelope(encoded(envelope)));
}

TEST(ErrorEnvelope, SaysWhatWasCut) {
  ErrorEnvelope envelope{Phase::kRun, std::string(5000, 't'), std::string(1 << 20, 'x'), std::string(1 << 20, 'd')};
  cut_to_fit(envelope);
  EXPECT_EQ(envelope.type.size(), kMaxErrorTypeBytes);
  EXPECT_THAT(envelope.type, EndsWith("… (cut)"));
  EXPECT_EQ(envelope.text.size(), kMaxErrorTextBytes);
  EXPECT_THAT(envelope.text, EndsWith("x… (cut)"));
  EXPECT_EQ(envelope.detail_json, R"({"cut":true})");
}

TEST(ErrorEnvelope, IsNotCutInsideACharacter) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'a');
    while (text.size() < 2 * kMaxErrorTextBytes) text += "\xf0\x9f\x98\x80";  // one character of four bytes
    ErrorEnvelope envelope{Phase::kRun, "", text, ""};
    cut_to_fit(envelope);
    const std::string kept = envelope.text.substr(0, envelope.text.size() - std::string("… (cut)").size());
    EXPECT_EQ((kept.size() - shift) % 4, 0u);
  }
}

TEST(ErrorEnvelope, FitsWhateverRoomThereIs) {
  for (std::size_t room = 4 * kEnvelopeOverheadBytes; room < 4096; room += 7) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{30}, std::size_t{100'000}}) {
      ErrorEnvelope envelope{Phase::kRun, std::string(size, 't'), std::string(100'000, 'x'), std::string(size, 'd')};
      cut_to_fit(envelope, room);
      const auto bytes = encoded(envelope);
      ASSERT_LE(bytes.size(), room);
      ASSERT_TRUE(decode_envelope(bytes));
      ASSERT_THAT(envelope.text, EndsWith("x… (cut)"));
    }
  }
}

TEST(ErrorEnvelope, IsRefusedWhenTooLargeOrTruncatedOrWrong) {
  const auto good = encoded({Phase::kRun, "T", "text", "{}"});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_envelope(std::span(good).first(size))) << size;
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_envelope(longer));
  auto unknown_phase = good;
  unknown_phase[0] = std::byte{200};
  EXPECT_FALSE(decode_envelope(unknown_phase));
  EXPECT_FALSE(decode_envelope(encoded({Phase::kRun, std::string(kMaxErrorTypeBytes + 1, 't'), "", ""})));
  EXPECT_FALSE(decode_envelope(encoded({Phase::kRun, "", std::string(kMaxErrorTextBytes + 1, 't'), ""})));
  EXPECT_FALSE(decode_envelope(encoded({Phase::kRun, "", std::string(1 << 20, 't'), ""})));
}

TEST(ErrorEnvelope, SurvivesArbitraryBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto good = encoded({Phase::kRun, "std::domain_error", "division by zero", "{\"code\":2}"});
  int accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    auto bytes = good;
    for (int change = 0; change < 2; ++change) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    const auto envelope = decode_envelope(bytes);
    if (!envelope) continue;
    ++accepted;
    ASSERT_LE(envelope->text.size(), bytes.size());
    ASSERT_TRUE(envelope_to_task_error(*envelope, "a.b", 1, 2));
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace bulkhead::protocol
