#include <gmock/gmock.h>

#include <stdexcept>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

using ::testing::ElementsAre;

// What happened to the states, in order. Written by the worker's thread, read once it has ended or
// answered.
std::vector<std::string>& events() {
  static std::vector<std::string> all;
  return all;
}

struct State {
  std::string name;
  int creations_to_fail = 0;
};

std::int32_t create(const bulkhead_host*, const bulkhead_call* call, void* user, void** state) {
  auto* made = static_cast<State*>(user);
  events().push_back("create " + made->name);
  if (made->creations_to_fail > 0) {
    --made->creations_to_fail;
    fail(call, "std::runtime_error", "no " + made->name);
    return BULKHEAD_INIT_FAILED;
  }
  *state = made;
  return BULKHEAD_OK;
}

void destroy(void* state) { events().push_back("destroy " + static_cast<State*>(state)->name); }

std::int32_t tell_name(void* state, const bulkhead_call* call, const void*, std::size_t, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    put(call, static_cast<State*>(state)->name);
    call->end_item(call->self, BULKHEAD_OK);
  }
  return BULKHEAD_OK;
}

bulkhead_task task_with(State& state) {
  auto task = task_of(tell_name, &state);
  task.create = create;
  task.destroy = destroy;
  return task;
}

class ExecutorStates : public ::testing::Test {
 protected:
  void SetUp() override { events().clear(); }
  State a_{"a"};
  State b_{"b"};
  State c_{"c"};
};

TEST_F(ExecutorStates, AreMadeOnceBeforeTheFirstCallAndDestroyedInReverse) {
  Host host;
  host.start({task_with(a_), task_with(b_), task_with(c_)});
  for (const std::uint32_t task : {2u, 0u, 2u, 0u}) {
    EXPECT_EQ(text_of(host.reply_to(task, "").payload), task == 2 ? "c" : "a");
  }
  EXPECT_EQ(host.shut_down(), 0);
  EXPECT_THAT(events(), ElementsAre("create c", "create a", "destroy a", "destroy c"));
}

TEST_F(ExecutorStates, FailEveryItemOfACallWhenTheyCannotBeMadeAndAreTriedAgain) {
  a_.creations_to_fail = 1;
  Host host;
  host.start({task_with(a_)});
  host.call_items(0, {"", ""});
  for (const bool is_last : {false, true}) {
    const Reply reply = host.next_reply();
    EXPECT_EQ(reply.header.outcome, BULKHEAD_INIT_FAILED);
    EXPECT_EQ(reply.is_last(), is_last);
    EXPECT_EQ(reply.error().phase, Phase::kInit);
    EXPECT_EQ(reply.error().type, "std::runtime_error");
    EXPECT_EQ(reply.error().text, "no a");
  }
  EXPECT_EQ(text_of(host.reply_to(0, "").payload), "a");
  EXPECT_EQ(host.shut_down(), 0);
  EXPECT_THAT(events(), ElementsAre("create a", "create a", "destroy a"));
}

TEST_F(ExecutorStates, MayBeAbsent) {
  Host host;
  auto task = task_of([](void* state, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    put(call, state == nullptr ? "none" : "some");
    return call->end_item(call->self, BULKHEAD_OK);
  });
  task.create = nullptr;
  host.start({task});
  EXPECT_EQ(text_of(host.reply_to(0, "").payload), "none");
  EXPECT_EQ(host.shut_down(), 0);
}

TEST_F(ExecutorStates, MayFailByAnExceptionThatEscapes) {
  Host host;
  auto task = task_with(a_);
  task.create = [](const bulkhead_host*, const bulkhead_call*, void*, void**) -> std::int32_t {
    throw std::runtime_error("should have been caught");
  };
  host.start({task});
  const Reply reply = host.reply_to(0, "");
  EXPECT_EQ(reply.header.outcome, BULKHEAD_INIT_FAILED);
  EXPECT_EQ(reply.error().text, "an exception escaped the plugin's boundary");
}

TEST_F(ExecutorStates, CannotAnswerWhileTheyAreMade) {
  Host host;
  auto task = task_with(a_);
  task.create = [](const bulkhead_host*, const bulkhead_call* call, void* user, void** state) -> std::int32_t {
    *state = user;
    call->progress(call->self, 1, 2, nullptr, 0);
    const bool has_room = call->reserve(call->self, 8) != nullptr;
    call->commit(call->self, 8);
    const bool goes_on = call->end_item(call->self, BULKHEAD_OK) == 0;
    return has_room || goes_on ? BULKHEAD_INIT_FAILED : BULKHEAD_OK;
  };
  host.start({task});
  const Reply reply = host.reply_to(0, "");
  EXPECT_EQ(reply.header.outcome, BULKHEAD_OK);
  EXPECT_EQ(text_of(reply.payload), "a");
}

}  // namespace
}  // namespace bulkhead::worker::test
