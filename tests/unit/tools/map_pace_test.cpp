// How many items travel together, and how many are ahead, by how long they take.
#include "map_pace.hpp"

#include <gtest/gtest.h>

namespace bulkhead::cli {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

// Tells of `count` results, one every `each`.
MapPace::Clock::time_point run(MapPace& pace, std::size_t count, MapPace::Clock::duration each,
                               MapPace::Clock::time_point now = {}) {
  for (std::size_t i = 0; i < count; ++i) pace.note_done(1, now += each);
  return now;
}

TEST(MapPace, SendsFewSingleItemsBeforeTheFirstResult) {
  const MapPace pace(2, std::nullopt);
  EXPECT_EQ(pace.chunk_items(), 1U);
  EXPECT_EQ(pace.items_ahead(), 16U);
}

TEST(MapPace, PutsFourMillisecondsOfWorkIntoAChunk) {
  MapPace pace(2, std::nullopt);
  run(pace, 1000, microseconds(50));  // by two workers: 100 µs each
  EXPECT_EQ(pace.chunk_items(), 40U);
}

TEST(MapPace, LeavesSlowItemsToTravelAlone) {
  MapPace pace(2, std::nullopt);
  run(pace, 1000, seconds(1));
  EXPECT_EQ(pace.chunk_items(), 1U);
}

TEST(MapPace, HasSlowItemsAheadToo) {
  MapPace pace(2, std::nullopt);
  run(pace, 1000, seconds(1));
  EXPECT_EQ(pace.items_ahead(), 1024U);
}

TEST(MapPace, ResultsThatComeTogetherCountAsMany) {
  MapPace pace(1, std::nullopt);
  pace.note_done(1, MapPace::Clock::time_point(seconds(1)));
  pace.note_done(100, MapPace::Clock::time_point(seconds(1) + std::chrono::milliseconds(10)));
  EXPECT_EQ(pace.chunk_items(), 40U);
}

TEST(MapPace, WorkersTakeFourChunksBeforeNoItemIsAhead) {
  MapPace pace(3, std::nullopt);
  MapPace::Clock::time_point now{};
  for (std::size_t i = 0; i < 1000; ++i) {
    now = run(pace, 1, std::chrono::nanoseconds(1), now);
    ASSERT_LE(4 * 3 * pace.chunk_items(), pace.items_ahead()) << "after " << i + 1 << " results";
  }
}

TEST(MapPace, BecomesSlowerWhenResultsDo) {
  MapPace pace(1, std::nullopt);
  const auto now = run(pace, 1000, microseconds(10));
  const auto before = pace.chunk_items();
  run(pace, 1000, std::chrono::milliseconds(10), now);
  EXPECT_GT(before, 1U);
  EXPECT_EQ(pace.chunk_items(), 1U);
}

TEST(MapPace, KeepsToAFixedNumber) {
  MapPace pace(2, 1000);
  EXPECT_EQ(pace.items_ahead(), 8000U);
  run(pace, 1000, seconds(1));
  EXPECT_EQ(pace.chunk_items(), 1000U);
  EXPECT_EQ(pace.items_ahead(), 8000U);
}

}  // namespace
}  // namespace bulkhead::cli
