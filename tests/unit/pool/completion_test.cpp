// Where results are kept until they are asked for.
#include "pool/completion.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "pool/payload.hpp"

namespace bulkhead::pool {
namespace {

std::vector<std::byte> bytes_of(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

TEST(SmallBytes, KeepsAnyNumberOfBytes) {
  SmallBytes small;
  EXPECT_TRUE(small.get().empty());
  // Up and down, over the limit of what is kept in place.
  for (const std::size_t size : {0u, 1u, 39u, 40u, 41u, 10'000u, 40u, 5'000u, 0u, 41u}) {
    const auto bytes = bytes_of(size);
    small.assign(bytes);
    ASSERT_EQ(small.get().size(), size);
    EXPECT_TRUE(size == 0 || std::memcmp(small.get().data(), bytes.data(), size) == 0) << size;
  }
  small.clear();
  EXPECT_TRUE(small.get().empty());
}

TEST(Payload, LeavesItemsOfAFixedSizeOut) {
  const auto bytes = bytes_of(40);
  EXPECT_EQ(items_after(bytes, 8, 0).size(), 40u);
  EXPECT_EQ(items_after(bytes, 8, 2).data(), bytes.data() + 16);
  EXPECT_TRUE(items_after(bytes, 8, 5).empty());
}

TEST(Payload, LeavesItemsWithTheirSizesOut) {
  std::vector<std::byte> bytes;
  for (const std::uint32_t size : {3u, 0u, 5u}) {
    const auto* raw = reinterpret_cast<const std::byte*>(&size);
    bytes.insert(bytes.end(), raw, raw + 4);
    bytes.resize(bytes.size() + size);
  }
  EXPECT_EQ(items_after(bytes, 0, 0).size(), 20u);
  EXPECT_EQ(items_after(bytes, 0, 1).size(), 13u);
  EXPECT_EQ(items_after(bytes, 0, 2).size(), 9u);
  EXPECT_TRUE(items_after(bytes, 0, 3).empty());
}

Failure failure_with(std::string text) {
  Failure failure;
  failure.text = std::move(text);
  return failure;
}

TEST(Outcomes, AreFoundByTheirIndex) {
  const auto bytes = bytes_of(6);
  Call call;
  call.count = 3;
  call.outcomes = std::make_unique<Outcomes>(3);
  call.outcomes->add_result(std::span(bytes).first(2));
  call.outcomes->add_failure(failure_with("gone"));
  call.outcomes->add_result(std::span(bytes).subspan(2));
  EXPECT_EQ(failure_of(call, 0), nullptr);
  ASSERT_NE(failure_of(call, 1), nullptr);
  EXPECT_EQ(failure_of(call, 1)->text, "gone");
  EXPECT_EQ(result_of(call, 0).size(), 2u);
  EXPECT_EQ(result_of(call, 2).size(), 4u);
  EXPECT_EQ(result_of(call, 2)[0], bytes[2]);
  EXPECT_EQ(call.outcomes->first_failure(), 1u);
  EXPECT_TRUE(call.outcomes->results_from(0).empty());
}

TEST(Outcomes, OfOneSizeLieSideBySide) {
  const auto bytes = bytes_of(12);
  Outcomes outcomes(3);
  outcomes.add_results(std::span(bytes).first(8), 4);
  outcomes.add_results(std::span(bytes).subspan(8), 4);
  EXPECT_EQ(outcomes.results_from(1).size(), 8u);
  EXPECT_EQ(outcomes.results_from(1)[0], bytes[4]);
  EXPECT_EQ(outcomes.result(2)[0], bytes[8]);
  EXPECT_EQ(outcomes.failure(2), nullptr);
  EXPECT_EQ(outcomes.first_failure(), 3u);
}

TEST(Outcomes, OfOneSizeBecomeATableWhereOneFails) {
  const auto bytes = bytes_of(12);
  Outcomes outcomes(5);
  outcomes.add_results(std::span(bytes).first(8), 4);
  outcomes.add_failure(failure_with("gone"));
  outcomes.add_results(std::span(bytes).subspan(8), 4);
  outcomes.add_result(std::span(bytes).first(1));
  EXPECT_TRUE(outcomes.results_from(0).empty());
  EXPECT_EQ(outcomes.first_failure(), 2u);
  EXPECT_EQ(outcomes.result(1)[0], bytes[4]);
  EXPECT_EQ(outcomes.failure(2)->text, "gone");
  EXPECT_EQ(outcomes.result(3).size(), 4u);
  EXPECT_EQ(outcomes.result(3)[0], bytes[8]);
  EXPECT_EQ(outcomes.result(4).size(), 1u);
}

}  // namespace
}  // namespace bulkhead::pool
