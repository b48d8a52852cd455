#include "worker/executor.hpp"

#include <gmock/gmock.h>

#include <random>
#include <stdexcept>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

using protocol::ReplyKind;
using ::testing::HasSubstr;

TEST(Executor, AnswersACallWithItsResult) {
  Host host;
  host.start(
      {task_of([](void*, const bulkhead_call* call, const void* in, std::size_t size, std::uint64_t) -> std::int32_t {
        std::int64_t numbers[2];
        if (size != sizeof numbers) return BULKHEAD_DECODE_FAILED;
        std::memcpy(numbers, in, sizeof numbers);
        const std::int64_t sum = numbers[0] + numbers[1];
        std::memcpy(call->reserve(call->self, sizeof sum), &sum, sizeof sum);
        call->commit(call->self, sizeof sum);
        return call->end_item(call->self, BULKHEAD_OK);
      })});
  host.call(0, packed(std::int64_t{2}, std::int64_t{40}), 1, 16);
  const Reply reply = host.next_reply();
  EXPECT_EQ(reply.header.kind, ReplyKind::kItem);
  EXPECT_EQ(reply.header.outcome, BULKHEAD_OK);
  EXPECT_EQ(reply.header.task_id, 1000u);
  EXPECT_TRUE(reply.is_last());
  EXPECT_EQ(reply.payload, packed(std::int64_t{42}));
}

TEST(Executor, AnswersWithNoBytesWhenThePluginWroteNone) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
                return call->end_item(call->self, BULKHEAD_OK);
              }),
              task_of(echo)});
  for (std::uint32_t task : {0u, 1u}) {
    const Reply reply = host.reply_to(task, "");
    EXPECT_EQ(reply.header.outcome, BULKHEAD_OK);
    EXPECT_TRUE(reply.is_last());
    EXPECT_TRUE(reply.payload.empty());
  }
}

TEST(Executor, GivesThePluginOneEmptyItemWhenTheCallHasNoBytes) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void* in, std::size_t size, std::uint64_t count) {
    std::uint32_t prefix = 99;
    if (size == sizeof prefix) std::memcpy(&prefix, in, sizeof prefix);
    const bool is_one_empty_item = call->item_stride == 0 && count == 1 && prefix == 0;
    put(call, is_one_empty_item ? "yes" : "no");
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  host.call(0, Bytes{});
  EXPECT_EQ(text_of(host.next_reply().payload), "yes");
}

TEST(Executor, TellsThePluginAboutTheCall) {
  static bulkhead_call seen;
  Host host;
  host.start({task_of(echo), task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
                seen = *call;
                return call->end_item(call->self, BULKHEAD_OK);
              })});
  auto header = Host::call_of(1, 4);
  header.codec = BULKHEAD_CODEC_JSON;
  header.attempt = 3;
  header.first_index = 99;
  header.deadline_ns = 123;
  host.offer(header, with_sizes({""}));
  (void)host.next_reply();
  ASSERT_EQ(host.shut_down(), 0);  // joins the thread that wrote it
  EXPECT_EQ(seen.size, sizeof(bulkhead_call));
  EXPECT_EQ(seen.codec, std::uint32_t{BULKHEAD_CODEC_JSON});
  EXPECT_EQ(seen.deadline_ns, 123);
  EXPECT_EQ(seen.task_id, 1001u);
  EXPECT_EQ(seen.first_index, 99u);
  EXPECT_EQ(seen.item_stride, 0u);
  EXPECT_EQ(seen.attempt, 3u);
}

TEST(Executor, AnswersEveryItemOfABatchWithAStride) {
  Host host;
  host.start({task_of(echo)});
  host.call(0, bytes_of("aabbcc"), 3, 2);
  const char* const expected[] = {"aa", "bb", "cc"};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Reply reply = host.next_reply();
    EXPECT_EQ(reply.header.index, i);
    EXPECT_EQ(text_of(reply.payload), expected[i]);
    EXPECT_EQ(reply.is_last(), i == 2);
  }
}

TEST(Executor, AnswersEveryItemOfABatchWithSizes) {
  Host host;
  host.start({task_of(echo)});
  const std::vector<std::string> items{"", "one", std::string(5000, 'x'), "last"};
  host.call_items(0, items);
  for (const std::string& item : items) EXPECT_EQ(text_of(host.next_reply().payload), item);
}

TEST(Executor, LetsOneItemFailWithoutTheOthers) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void* in, std::size_t, std::uint64_t count) {
    for_each_item(call, in, count, [&](std::uint64_t i, std::string_view item) {
      put(call, item);
      if (i == 1) fail(call, "std::domain_error", "not this one", R"({"causes":[]})");
      call->end_item(call->self, i == 1 ? BULKHEAD_TASK_FAILED : BULKHEAD_OK);
    });
    return std::int32_t{BULKHEAD_OK};
  })});
  host.call_items(0, {"a", "b", "c"});
  EXPECT_EQ(text_of(host.next_reply().payload), "a");
  const Reply failed = host.next_reply();
  EXPECT_EQ(failed.header.outcome, BULKHEAD_TASK_FAILED);
  EXPECT_EQ(failed.header.index, 1u);
  EXPECT_FALSE(failed.is_last());
  EXPECT_EQ(failed.error().phase, Phase::kRun);
  EXPECT_EQ(failed.error().type, "std::domain_error");
  EXPECT_EQ(failed.error().text, "not this one");
  EXPECT_EQ(failed.error().detail_json, R"({"causes":[]})");
  EXPECT_EQ(text_of(host.next_reply().payload), "c");
}

TEST(Executor, NamesThePhaseOfEachOutcome) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call*, const void* in, std::size_t, std::uint64_t) -> std::int32_t {
    return static_cast<const char*>(in)[4];
  })});
  const auto phase_after = [&](int outcome) {
    const Reply reply = host.reply_to(0, std::string(1, static_cast<char>(outcome)));
    EXPECT_EQ(reply.header.outcome, outcome);
    EXPECT_EQ(reply.error().text, "the plugin gave no reason");
    return reply.error().phase;
  };
  EXPECT_EQ(phase_after(BULKHEAD_TASK_FAILED), Phase::kRun);
  EXPECT_EQ(phase_after(BULKHEAD_DECODE_FAILED), Phase::kDecode);
  EXPECT_EQ(phase_after(BULKHEAD_ENCODE_FAILED), Phase::kEncode);
  EXPECT_EQ(phase_after(BULKHEAD_STOPPED), Phase::kRun);
  EXPECT_EQ(phase_after(BULKHEAD_INIT_FAILED), Phase::kInit);
}

TEST(Executor, EndsTheItemsThatThePluginLeftWithWhatItReturned) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
    put(call, "done");
    call->end_item(call->self, BULKHEAD_OK);
    put(call, "half a resu");
    fail(call, "E", "no more");
    return BULKHEAD_STOPPED;
  })});
  host.call_items(0, {"", "", ""});
  EXPECT_EQ(text_of(host.next_reply().payload), "done");
  for (const bool is_last : {false, true}) {
    const Reply reply = host.next_reply();
    EXPECT_EQ(reply.header.outcome, BULKHEAD_STOPPED);
    EXPECT_EQ(reply.error().text, "no more");
    EXPECT_EQ(reply.is_last(), is_last);
  }
}

TEST(Executor, FailsItemsThatThePluginForgot) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call*, const void*, std::size_t, std::uint64_t) -> std::int32_t {
    return BULKHEAD_OK;
  })});
  host.call_items(0, {"", ""});
  for (int i = 0; i < 2; ++i) {
    const Reply reply = host.next_reply();
    EXPECT_EQ(reply.header.outcome, BULKHEAD_TASK_FAILED);
    EXPECT_EQ(reply.error().text, "the plugin returned without ending 2 of its 2 items");
  }
}

TEST(Executor, FailsItemsWithAnUnknownOutcome) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
    call->end_item(call->self, 77);
    return -5;
  })});
  host.call_items(0, {"", ""});
  EXPECT_EQ(host.next_reply().error().text, "the plugin gave the unknown outcome 77");
  const Reply second = host.next_reply();
  EXPECT_EQ(second.header.outcome, BULKHEAD_TASK_FAILED);
  EXPECT_EQ(second.error().text, "the plugin gave the unknown outcome -5");
}

TEST(Executor, IgnoresWhatAPluginSaysAfterItsLastItem) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
                put(call, "right");
                if (call->end_item(call->self, BULKHEAD_OK) != 0) return BULKHEAD_TASK_FAILED;
                const bool has_room = put(call, "wrong");
                fail(call, "E", "wrong");
                call->progress(call->self, 1, 1, nullptr, 0);
                const bool goes_on = call->end_item(call->self, BULKHEAD_TASK_FAILED) == 0;
                return has_room || goes_on ? std::abort(), 0 : BULKHEAD_TASK_FAILED;
              }),
              task_of(echo)});
  const Reply reply = host.reply_to(0, "");
  EXPECT_EQ(reply.header.outcome, BULKHEAD_OK);
  EXPECT_EQ(text_of(reply.payload), "right");
  EXPECT_EQ(text_of(host.reply_to(1, "next").payload), "next");
}

TEST(Executor, RefusesACodecThatTheTaskDoesNotSpeak) {
  Host host;
  auto task = task_of(echo);
  task.codecs = BULKHEAD_CODEC_JSON;
  host.start({task});
  const Reply reply = host.reply_to(0, "");
  EXPECT_EQ(reply.header.outcome, BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(reply.error().text, "the task does not speak codec 1");
}

TEST(Executor, GoesOnAfterAnExceptionEscapedThePlugin) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
                put(call, "first");
                call->end_item(call->self, BULKHEAD_OK);
                put(call, "sec");
                throw std::runtime_error("should have been caught");
              }),
              task_of(echo)});
  host.call_items(0, {"", "", ""});
  EXPECT_EQ(text_of(host.next_reply().payload), "first");
  for (int i = 0; i < 2; ++i) {
    const Reply reply = host.next_reply();
    EXPECT_EQ(reply.header.outcome, BULKHEAD_TASK_FAILED);
    EXPECT_EQ(reply.error().text, "an exception escaped the plugin's boundary");
  }
  EXPECT_EQ(text_of(host.reply_to(1, "next").payload), "next");
}

TEST(Executor, CutsErrorsThatAreTooLong) {
  Host host(ipc::ChannelSizes{4096, 4096});
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
    const std::string text(1 << 20, 'x');
    fail(call, text, text, text);
    return BULKHEAD_TASK_FAILED;
  })});
  const Reply reply = host.reply_to(0, "");
  EXPECT_THAT(reply.error().text, HasSubstr("x… (cut)"));
  EXPECT_LE(reply.payload.size(), host.channel().sizes().response_ring_bytes / 2);
}

TEST(Executor, KeepsResultsWholeWhereverTheRingWraps) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // Writes its result in steps of the size in the item's first byte, and reserves more than it
  // commits.
  const auto in_steps = [](void*, const bulkhead_call* call, const void* in, std::size_t,
                           std::uint64_t count) -> std::int32_t {
    for_each_item(call, in, count, [&](std::uint64_t, std::string_view item) {
      const std::size_t step = static_cast<unsigned char>(item[0]);
      for (std::size_t at = 0; at < item.size(); at += step) {
        const std::string_view part = item.substr(at, step);
        auto* room = static_cast<char*>(call->reserve(call->self, part.size() + 5));
        std::memset(room, '?', part.size() + 5);
        std::memcpy(room, part.data(), part.size());
        call->commit(call->self, part.size());
      }
      call->end_item(call->self, BULKHEAD_OK);
    });
    return BULKHEAD_OK;
  };
  Host host(ipc::ChannelSizes{16384, 4096});
  host.start({task_of(in_steps)});
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> items(1 + random() % 4);
    for (std::string& item : items) {
      item.resize(1 + random() % 1900);
      for (char& c : item) c = static_cast<char>(random());
      item[0] = static_cast<char>(1 + random() % 200);
    }
    host.call_items(0, items);
    for (const std::string& item : items) ASSERT_EQ(text_of(host.next_reply().payload), item);
  }
}

TEST(Executor, SkipsWhatTheHostTookBack) {
  static Gate gate;
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
                gate.wait();
                return call->end_item(call->self, BULKHEAD_OK);
              }),
              task_of(echo)});
  host.call_items(0, {""});
  const std::uint64_t revoked = host.call_items(1, {"never"});
  host.call_items(1, {"still"});
  EXPECT_EQ(host.channel().try_revoke(revoked), ipc::HostChannel::Revoke::kRevoked);
  gate.open();
  EXPECT_EQ(host.next_reply().header.task_id, 1000u);
  const Reply skipped = host.next_reply();
  EXPECT_EQ(skipped.header.kind, ReplyKind::kSkipped);
  EXPECT_EQ(skipped.header.task_id, 1001u);
  EXPECT_EQ(text_of(host.next_reply().payload), "still");
}

TEST(Executor, KeepsArgumentsUntilThePluginReturned) {
  static Gate gate;
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    const std::int32_t more = call->end_item(call->self, BULKHEAD_OK);
    gate.wait();
    return more;
  })});
  host.call_items(0, {""});
  ASSERT_TRUE(eventually([&] { return host.channel().status().phase == static_cast<std::uint8_t>(Phase::kPublish); }));
  EXPECT_FALSE(host.channel().has_responses()) << "the host may overwrite arguments that are still in use";
  gate.open();
  EXPECT_TRUE(host.next_reply().is_last());
}

TEST(Executor, ShowsWhatItIsDoing) {
  static Gate gate;
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    call->end_item(call->self, BULKHEAD_OK);
    gate.wait();
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  host.call_items(0, {"", ""});
  EXPECT_TRUE(eventually([&] {
    const auto status = host.channel().status();
    return status.phase == static_cast<std::uint8_t>(Phase::kRun) && status.task_id == 1000 && status.item == 1;
  }));
  gate.open();
  EXPECT_TRUE(eventually([&] { return host.channel().status().phase == static_cast<std::uint8_t>(Phase::kIdle); }));
}

TEST(Executor, WakesASleepingHostForTheItemsOfALongBatch) {
  static Gate gate;
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    call->end_item(call->self, BULKHEAD_OK);
    gate.wait();
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  const auto long_time = [] { return support::Deadline::after(std::chrono::seconds(60)); };
  host.bells().set(ipc::ParkMode::kLeaderParked);
  host.call_items(0, {"", ""});
  EXPECT_TRUE(host.bells().leader().wait(long_time())) << "the first item was not announced";
  host.bells().set(ipc::ParkMode::kAwake);
  EXPECT_FALSE(host.next_reply().is_last());
  host.bells().set(ipc::ParkMode::kLeaderParked);
  gate.open();
  EXPECT_TRUE(host.bells().leader().wait(long_time())) << "the last item was not announced";
  EXPECT_TRUE(host.next_reply().is_last());
}

TEST(Executor, SendsProgressButNotMoreThanOncePerTenMilliseconds) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    for (std::uint64_t i = 1; i <= 1000; ++i) call->progress(call->self, i, 1000, "half way", 8);
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  const auto start = std::chrono::steady_clock::now();
  host.call_items(0, {""});
  const Reply first = host.next_reply();
  EXPECT_EQ(first.header.kind, ReplyKind::kProgress);
  EXPECT_EQ(first.header.task_id, 1000u);
  Bytes expected = packed(std::uint64_t{1}, std::uint64_t{1000});
  for (const std::byte byte : bytes_of("half way")) expected.push_back(byte);
  EXPECT_EQ(first.payload, expected);
  int progresses = 1;
  Reply reply = host.next_reply();
  for (; reply.header.kind == ReplyKind::kProgress; reply = host.next_reply()) ++progresses;
  const auto elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LE(progresses, 1 + elapsed / std::chrono::milliseconds(10));
  EXPECT_EQ(reply.header.kind, ReplyKind::kItem);
}

TEST(Executor, DropsProgressThatWouldOverwriteAResult) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    put(call, "half of ");
    call->progress(call->self, 1, 2, nullptr, 0);
    put(call, "the result");
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  EXPECT_EQ(text_of(host.reply_to(0, "").payload), "half of the result");
}

}  // namespace
}  // namespace bulkhead::worker::test
