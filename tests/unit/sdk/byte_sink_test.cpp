#include <bulkhead/sdk/byte_sink.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace bulkhead::sdk {
namespace {

std::string text_of(const BufferSink& sink) {
  return {reinterpret_cast<const char*>(sink.bytes().data()), sink.bytes().size()};
}

TEST(BufferSink, IsEmptyBeforeTheFirstPut) {
  const BufferSink sink;
  EXPECT_TRUE(sink.bytes().empty());
  EXPECT_EQ(sink.written(), 0U);
}

TEST(BufferSink, KeepsEverythingAcrossGrowth) {
  BufferSink sink;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
    sink.put(piece.data(), piece.size());
    expected += piece;
  }
  EXPECT_EQ(text_of(sink), expected);
  EXPECT_EQ(sink.written(), expected.size());
}

TEST(BufferSink, TakesAPieceLargerThanTwiceItsCapacity) {
  BufferSink sink;
  sink.put("x", 1);
  const std::string large(1'000'000, 'y');
  sink.put(large.data(), large.size());
  EXPECT_EQ(text_of(sink), "x" + large);
}

TEST(BufferSink, KeepsItsCapacityWhenCleared) {
  BufferSink sink;
  const std::string large(100'000, 'y');
  sink.put(large.data(), large.size());
  const std::size_t capacity = sink.capacity();
  const std::byte* const memory = sink.bytes().data();
  sink.clear();
  EXPECT_TRUE(sink.bytes().empty());
  EXPECT_EQ(sink.capacity(), capacity);
  sink.put("z", 1);
  EXPECT_EQ(sink.bytes().data(), memory);
  EXPECT_EQ(text_of(sink), "z");
}

TEST(SpanSink, FillsItsMemoryToTheLastByte) {
  std::array<std::byte, 4> memory = {};
  SpanSink sink(memory);
  sink.put("abcd", 4);
  EXPECT_EQ(memory[3], std::byte{'d'});
  EXPECT_EQ(sink.written(), 4U);
}

TEST(SpanSink, ThrowsAndKeepsWhatItHasWhenFull) {
  std::array<std::byte, 4> memory = {};
  SpanSink sink(memory);
  sink.put("abc", 3);
  EXPECT_THROW(sink.put("de", 2), EncodeError);
  EXPECT_EQ(sink.written(), 3U);
  sink.put("f", 1);
  EXPECT_EQ(memory[3], std::byte{'f'});
}

TEST(SpanSink, TakesNothingIntoNoMemory) {
  SpanSink sink({});
  sink.put(nullptr, 0);
  EXPECT_THROW(sink.put("a", 1), EncodeError);
}

}  // namespace
}  // namespace bulkhead::sdk
