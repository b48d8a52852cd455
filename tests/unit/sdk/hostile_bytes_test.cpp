// Bytes nobody vouches for: every one of them is refused with DecodeError or decodes, within
// bounded memory.
#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/json_archive.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <new>
#include <random>

#include "shared_types.hpp"

namespace {
// What operator new handed out since the last reset. One thread.
std::size_t allocated_bytes = 0;
}  // namespace

// Not inlined: g++ takes the free() of an inlined delete for a mismatch with new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace bulkhead::sdk {
namespace {

// A bit of everything.
using Everything =
    std::tuple<std::vector<std::string>, std::map<std::string, std::vector<double>>, std::optional<zoo::Tree>,
               std::variant<int, std::string, zoo::Point>, std::set<int>, std::vector<std::optional<bool>>,
               std::unordered_map<int, std::list<zoo::Celsius>>, zoo::Chain, std::array<std::vector<char>, 2>>;

Everything sample() {
  Everything value;
  std::get<0>(value) = {"a", "bc", ""};
  std::get<1>(value) = {{"k", {1, 2, 3}}, {"l", {}}};
  std::get<2>(value) = zoo::Tree{1, {{2, {}}, {3, {}}}};
  std::get<3>(value) = zoo::Point{1, 2};
  std::get<4>(value) = {1, 2, 3};
  std::get<5>(value) = {true, std::nullopt, false};
  std::get<6>(value) = {{1, {zoo::Celsius{1}, zoo::Celsius{2}}}};
  std::get<7>(value).next = std::make_unique<zoo::Chain>();
  std::get<8>(value)[1] = {'x', 'y'};
  return value;
}

std::string encoded(const Everything& value) {
  BufferSink sink;
  write(sink, value);
  return {reinterpret_cast<const char*>(sink.bytes().data()), sink.bytes().size()};
}

// Decodes; true when the bytes were accepted. Anything but DecodeError fails the test.
template <class T>
bool is_accepted(std::string_view bytes) {
  try {
    T value{};
    read(std::as_bytes(std::span(bytes)), value);
    return true;
  } catch (const DecodeError&) {
    return false;
  }
}

// Bytes allocated while refusing a size of 2^61 and eight bytes of nothing.
template <class T>
std::size_t cost_of_bomb() {
  const std::string bomb(
      "\0\0\0\0\0\0\0\x20"
      "\0\0\0\0\0\0\0\0",
      16);
  allocated_bytes = 0;
  EXPECT_FALSE(is_accepted<T>(bomb));
  return allocated_bytes;
}

TEST(HostileBytes, AClaimedSizeAllocatesNothing) {
  // The error's text is all that is allocated.
  EXPECT_LT(cost_of_bomb<std::string>(), 1024U);
  EXPECT_LT(cost_of_bomb<std::vector<std::uint8_t>>(), 1024U);
  EXPECT_LT(cost_of_bomb<std::vector<int>>(), 1024U);
  EXPECT_LT(cost_of_bomb<std::vector<std::string>>(), 1024U);
  EXPECT_LT(cost_of_bomb<std::list<zoo::Point>>(), 1024U);
  EXPECT_LT(cost_of_bomb<std::vector<zoo::Tree>>(), 1024U);
  EXPECT_LT((cost_of_bomb<std::map<int, int>>()), 1024U);
  EXPECT_LT(cost_of_bomb<std::unordered_set<int>>(), 1024U);
}

TEST(HostileBytes, ASizeThatOverflowsTheMultiplicationIsRefused) {
  const std::string bomb(
      "\x01\0\0\0\0\0\0\x20"
      "\0\0\0\0\0\0\0\0",
      16);  // 2^61 + 1 elements of 8 bytes: 8 bytes
  EXPECT_FALSE(is_accepted<std::vector<double>>(bomb));
}

TEST(HostileBytes, LargeElementsWithSmallFormsAreNotReservedAtOnce) {
  using Large = std::optional<std::array<char, 4096>>;
  constexpr std::size_t kCount = 10'000;
  std::string in(8 + kCount, '\0');  // that many empty optionals, and one missing byte
  const std::uint64_t claimed = kCount;
  std::memcpy(in.data(), &claimed, sizeof claimed);
  in[8] = 2;  // the first is wrong already
  allocated_bytes = 0;
  EXPECT_FALSE(is_accepted<std::vector<Large>>(in));
  EXPECT_LT(allocated_bytes, 4 * in.size());
}

TEST(HostileBytes, ATypeThatContainsItselfReservesNotAtEveryLevel) {
  // Trees in each other, each of which claims to have as many children as there are bytes left.
  constexpr std::size_t kLevels = 250;
  BufferSink sink;
  for (std::size_t level = 1; level <= kLevels; ++level) write(sink, 1, std::uint64_t{12 * (kLevels - level)});
  const std::string in(reinterpret_cast<const char*>(sink.bytes().data()), sink.bytes().size());
  allocated_bytes = 0;
  EXPECT_FALSE(is_accepted<zoo::Tree>(in));
  EXPECT_LT(allocated_bytes, 16 * in.size());
}

TEST(HostileBytes, ElementsOfNoBytesCostNoMoreThanTheBytesThereAre) {
  // Containers that each claim all that is left: refused at the first.
  constexpr std::size_t kCount = 1000;
  BufferSink sink;
  write(sink, std::uint64_t{kCount});
  for (std::size_t i = 1; i <= kCount; ++i) write(sink, std::uint64_t{8 * (kCount - i)});
  const std::string in(reinterpret_cast<const char*>(sink.bytes().data()), sink.bytes().size());
  allocated_bytes = 0;
  EXPECT_FALSE(is_accepted<std::vector<std::vector<std::monostate>>>(in));
  EXPECT_LT(allocated_bytes, 16 * in.size());
}

TEST(HostileBytes, EveryTruncationIsRefused) {
  const std::string whole = encoded(sample());
  ASSERT_TRUE(is_accepted<Everything>(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(is_accepted<Everything>(whole.substr(0, size))) << "cut to " << size;
  }
}

TEST(HostileBytes, RandomChangesAreRefusedOrDecodeInBoundedMemory) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const std::string whole = encoded(sample());
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = whole;
    for (int change = 0; change < 3; ++change) changed[random() % changed.size()] = static_cast<char>(random());
    allocated_bytes = 0;
    refused += is_accepted<Everything>(changed) ? 0 : 1;
    EXPECT_LT(allocated_bytes, 64 * whole.size() + 4096);
  }
  EXPECT_GT(refused, 0);
}

TEST(HostileBytes, RandomChangesToJsonAreRefusedOrDecode) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  std::string whole;
  json_write(whole, sample());
  const std::string_view alphabet = "{}[]\",:0123456789.eE-+ntfu\\x \n\xff";
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = whole;
    for (int change = 0; change < 2; ++change) {
      changed[random() % changed.size()] = alphabet[random() % alphabet.size()];
    }
    try {
      Everything value;
      json_read(changed, value);
    } catch (const DecodeError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace bulkhead::sdk
