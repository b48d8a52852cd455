// Where arguments are encoded, and what a backend lends for it.
#include "bulkhead/detail/argument_sink.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bulkhead::detail {
namespace {

// Lends memory, and counts it.
class Lender final : public Backend {
 public:
  static constexpr std::size_t kAbove = 1000;
  static constexpr std::size_t kMost = 1'000'000;

  explicit Lender(std::size_t lends_above = kAbove) : Backend(lends_above) {}

  std::unique_ptr<LentMemory> lend(std::size_t needed, std::size_t wanted) override {
    EXPECT_GT(needed, kAbove);
    if (has_none) throw std::runtime_error("no memory");
    if (needed > kMost) return nullptr;
    sizes.push_back(std::max(needed, std::min(wanted, kMost)));
    return std::make_unique<Lent>(*this, sizes.back());
  }

  std::vector<std::size_t> sizes;  // of all that was lent
  int out = 0;                     // and has not come back
  bool has_none = false;

 private:
  class Lent final : public LentMemory {
   public:
    Lent(Lender& lender, std::size_t size) : lender_(lender), memory_(size) { ++lender_.out; }
    ~Lent() override { --lender_.out; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept override { return memory_; }

   private:
    Lender& lender_;
    mutable std::vector<std::byte> memory_;
  };

  // Of no interest here.
  std::uint64_t serial() const noexcept override { return 0; }
  const TaskInfo& find_task(std::string_view) override { std::abort(); }
  std::size_t worker_count() const noexcept override { return 0; }
  CompletionRef submit(const Submission&, VerdictCallback) override { return {}; }
  CompletionRef begin_map(const TaskInfo&, VerdictCallback) override { return {}; }
  void add_chunk(Completion&, const Submission&) override {}
  void seal_map(Completion&) override {}
  void abandon_map(Completion&) noexcept override {}
  bool items_travel_alone() const noexcept override { return false; }
  bool is_forked_copy() const noexcept override { return false; }
  void resize(int) override {}
  PoolStats stats() override { return {}; }
  DrainReport drain(std::chrono::steady_clock::time_point, std::chrono::nanoseconds) override { return {}; }
  void close() override {}
  void terminate() override {}
  void join() override {}
  void revive() override {}
};

class ArgumentSinkTest : public ::testing::Test {
 protected:
  ArgumentSinkTest() { sink_.begin(lender_); }

  void put(std::size_t size) {
    const std::string piece(size, static_cast<char>('a' + pieces_++ % 26));
    sink_.put(piece.data(), piece.size());
    expected_ += piece;
  }
  void expect_everything() const {
    const std::string text(reinterpret_cast<const char*>(sink_.bytes().data()), sink_.bytes().size());
    EXPECT_TRUE(text == expected_) << text.size() << " bytes, " << expected_.size() << " were put";
    EXPECT_EQ(sink_.written(), expected_.size());
  }

  Lender lender_;
  ArgumentSink sink_;
  std::string expected_;
  int pieces_ = 0;
};

TEST_F(ArgumentSinkTest, KeepsInItsOwnMemoryWhatARingTakes) {
  put(0);
  put(1);
  put(Lender::kAbove);
  expect_everything();
  EXPECT_EQ(sink_.lent(), nullptr);
}

TEST_F(ArgumentSinkTest, PutsALargePieceStraightIntoLentMemory) {
  put(8);
  put(Lender::kAbove + 1);
  expect_everything();
  ASSERT_NE(sink_.lent(), nullptr);
  EXPECT_EQ(sink_.bytes().data(), sink_.lent()->bytes().data());
  EXPECT_EQ(lender_.sizes, std::vector<std::size_t>{Lender::kAbove + 9}) << "once, and no more than is needed";
}

TEST_F(ArgumentSinkTest, KeepsSmallPiecesInItsOwnMemoryHoweverMany) {
  for (int i = 0; i < 2000; ++i) put(100);
  expect_everything();
  EXPECT_TRUE(lender_.sizes.empty());
}

TEST_F(ArgumentSinkTest, NoticesALargePieceThoughItsOwnMemoryHasRoomForIt) {
  for (int i = 0; i < 2000; ++i) put(100);
  for (const int before : {0, 20}) {
    expected_.clear();
    sink_.begin(lender_);
    for (int i = 0; i < before; ++i) put(100);
    put(5000);
    expect_everything();
    EXPECT_NE(sink_.lent(), nullptr) << before << " small pieces before it";
  }
}

TEST_F(ArgumentSinkTest, DoublesWhatItBorrowed) {
  for (int i = 0; i < 100; ++i) {
    put(1500);
    put(3);
  }
  expect_everything();
  EXPECT_EQ(lender_.out, 1) << "what was too small went back";
  EXPECT_LE(lender_.sizes.size(), 8u) << "1503 doubled until it holds 150,300";
  EXPECT_LE(lender_.sizes.back(), 2 * expected_.size());
}

TEST_F(ArgumentSinkTest, GoesOnInItsOwnMemoryWhereNothingIsLentForSoMuch) {
  put(Lender::kMost - 10);
  ASSERT_NE(sink_.lent(), nullptr);
  put(11);
  expect_everything();
  EXPECT_EQ(sink_.lent(), nullptr);
  EXPECT_EQ(lender_.out, 0);
  put(2000);
  put(10);
  expect_everything();
}

TEST_F(ArgumentSinkTest, GivesBackWhatWasLentWhenItIsBegunAgain) {
  put(5000);
  sink_.begin(lender_);
  EXPECT_EQ(lender_.out, 0);
  expected_.clear();
  put(7);
  expect_everything();
}

TEST_F(ArgumentSinkTest, UsesItsOwnMemoryAgain) {
  put(100);
  const auto* const memory = sink_.bytes().data();
  sink_.begin(lender_);
  put(5000);
  sink_.begin(lender_);
  expected_ = "";
  put(100);
  expect_everything();
  EXPECT_EQ(sink_.bytes().data(), memory);
}

TEST_F(ArgumentSinkTest, IsAsItWasWhenThereIsNothingToLend) {
  put(500);
  lender_.has_none = true;
  EXPECT_THROW(sink_.put(std::string(5000, 'x').data(), 5000), std::runtime_error);
  expect_everything();
  put(100);
  expect_everything();
  lender_.has_none = false;
  put(5000);
  lender_.has_none = true;
  EXPECT_THROW(sink_.put(std::string(9000, 'x').data(), 9000), std::runtime_error);
  expect_everything();
  EXPECT_EQ(lender_.out, 1);
}

TEST_F(ArgumentSinkTest, BorrowsNothingFromABackendThatDoesNotLend) {
  Lender other(std::numeric_limits<std::size_t>::max());
  sink_.begin(other);
  put(100'000);
  expect_everything();
  EXPECT_TRUE(other.sizes.empty());
}

TEST_F(ArgumentSinkTest, WritesOverWhatWasPut) {
  for (const std::size_t size : {100u, 5000u}) {
    put(size);
    sink_.overwrite(2, "ZZ", 2);
    expected_.replace(2, 2, "ZZ");
    expect_everything();
  }
}

TEST(ThreadSink, GivesBackWhatWasLentWhateverWasThrown) {
  Lender lender;
  const std::string large(5000, 'x');
  const auto encode = [&](bool is_to_fail) {
    const ThreadSink sink(lender);
    sink->put(large.data(), large.size());
    EXPECT_EQ(lender.out, 1);
    if (is_to_fail) throw std::runtime_error("a serialize that throws");
  };
  EXPECT_THROW(encode(true), std::runtime_error);
  EXPECT_EQ(lender.out, 0);
  encode(false);
  EXPECT_EQ(lender.out, 0);
}

}  // namespace
}  // namespace bulkhead::detail
