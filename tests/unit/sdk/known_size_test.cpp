// What is known of a value's encoded size beforehand, and that room is asked for accordingly.
#include <bulkhead/sdk/archive.hpp>

#include <gtest/gtest.h>

#include <array>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "shared_types.hpp"

namespace bulkhead::sdk {
namespace {

// Gives exactly the room that is asked for.
class StingySink final : public ByteSink {
 public:
  std::vector<std::size_t> asked;

 private:
  void grow(std::size_t size) override {
    asked.push_back(size);
    const std::size_t used = written();
    memory_.resize(used + size);
    begin_ = memory_.data();
    cursor_ = begin_ + used;
    end_ = begin_ + memory_.size();
  }
  std::vector<std::byte> memory_;
};

template <class... T>
std::size_t encoded_size(const T&... values) {
  BufferSink sink;
  write(sink, values...);
  return sink.bytes().size();
}
template <class... T>
std::size_t pieces_of(const T&... values) {
  StingySink sink;
  write(sink, values...);
  return sink.asked.size();
}

template <class T>
void expect_known(const T& value) {
  EXPECT_EQ(known_size(value), encoded_size(value));
}

TEST(KnownSize, IsExactWhereLengthsTellIt) {
  using namespace std::chrono_literals;
  expect_known(std::int16_t{5});
  expect_known(true);
  expect_known(5ms);
  expect_known(std::string("some text"));
  expect_known(std::filesystem::path("/tmp"));
  expect_known(std::vector<double>(100));
  expect_known(std::vector<bool>(100));
  expect_known(std::list<std::int32_t>{1, 2, 3});
  expect_known(std::set<std::int64_t>{1, 2, 3});
  expect_known(std::map<std::int32_t, double>{{1, 2}, {3, 4}});
  expect_known(std::vector<std::string>{"", "a", "bcd"});
  expect_known(std::deque<std::string>{"", "a", "bcd"});
  expect_known(std::array<std::string, 2>{"a", "bcd"});
  expect_known(std::vector<std::vector<std::vector<std::byte>>>(3, {{}, std::vector<std::byte>(5)}));
  expect_known(std::tuple<std::string, std::int8_t, std::vector<float>>("abc", 1, {1, 2}));
  expect_known(std::vector<std::optional<std::string>>{"abc", std::nullopt});
  expect_known(std::vector<std::pair<std::string, std::int64_t>>{{"abc", 1}, {"", 2}});
}

template <class T>
void expect_no_more_than_known(const T& value) {
  EXPECT_LE(known_size(value), encoded_size(value));
  EXPECT_LE(known_size_at_once(value), known_size(value));
}

TEST(KnownSize, IsNeverMoreThanItTakes) {
  expect_no_more_than_known(std::set<std::string>{"a", "bcd"});
  expect_no_more_than_known(std::map<std::string, std::string>{{"a", "bcd"}});
  expect_no_more_than_known(std::list<std::string>{"a", "bcd"});
  expect_no_more_than_known(std::vector<zoo::Point>(3));
  expect_no_more_than_known(zoo::Tree{1, {{2}, {3}}});
  expect_no_more_than_known(std::variant<std::string, std::int8_t>(std::int8_t{1}));
  expect_no_more_than_known(std::vector<std::variant<std::string, std::int8_t>>(3, "abc"));
  expect_no_more_than_known(std::optional<std::string>());
  expect_no_more_than_known(std::make_unique<std::string>("abc"));
  expect_no_more_than_known(std::tuple(std::string("abc"), std::vector<std::string>{"a"}, zoo::Point{}));
}

TEST(KnownSize, IsAskedForAtOnceForManyElements) {
  const std::vector<std::string> texts(1000, std::string(100, 'x'));
  EXPECT_EQ(pieces_of(texts), 2u) << "their number, and they";
  EXPECT_EQ(pieces_of(std::vector<std::vector<std::string>>(100, {"a", "b"})), 2u);
}

TEST(KnownSize, IsAskedForAtOnceForSeveralLargeValues) {
  const std::vector<double> numbers(1000);
  EXPECT_EQ(pieces_of(std::int64_t{1}, numbers, std::string(5000, 'x')), 1u);
  EXPECT_EQ(pieces_of(std::tuple(numbers, numbers)), 1u);
}

}  // namespace
}  // namespace bulkhead::sdk
