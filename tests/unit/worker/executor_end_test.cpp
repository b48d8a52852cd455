// How a worker ends itself when it cannot go on. Each in a process of its own.
#include <gmock/gmock.h>
#include <pthread.h>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

int exit_code(int wait_status) { return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status); }

std::int32_t leave_thread(void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
  put(call, "half");
  ::pthread_exit(nullptr);
}

TEST(ExecutorEnd, IsCleanAfterAShutdown) {
  Host host;
  EXPECT_EQ(exit_code(host.status_of_process({task_of(echo)},
                                             [&] {
                                               EXPECT_EQ(text_of(host.reply_to(0, "a").payload), "a");
                                               protocol::CallHeader header;
                                               header.kind = protocol::CallKind::kShutdown;
                                               host.offer(header, {});
                                             })),
            0);
}

TEST(ExecutorEnd, ComesWhenATaskEndsItsThread) {
  Host host;
  EXPECT_EQ(exit_code(host.status_of_process({task_of(leave_thread)}, [&] { host.call_items(0, {""}); })),
            kExitUnwound);
  EXPECT_FALSE(host.channel().has_responses());
}

TEST(ExecutorEnd, ComesWhenAStateEndsItsThread) {
  Host host;
  auto task = task_of(echo);
  task.create = [](const bulkhead_host*, const bulkhead_call*, void*, void**) -> std::int32_t {
    ::pthread_exit(nullptr);
  };
  EXPECT_EQ(exit_code(host.status_of_process({task}, [&] { host.call_items(0, {""}); })), kExitUnwound);
}

TEST(ExecutorEnd, ComesWhenATaskThrowsItsThreadAwayThroughACatchAll) {
  Host host;
  // What the SDK does around a task: everything is caught, but a forced unwind is passed on.
  const auto task = task_of([](void* state, const bulkhead_call* call, const void* in, std::size_t size,
                               std::uint64_t count) -> std::int32_t {
    try {
      return leave_thread(state, call, in, size, count);
    } catch (...) {
      throw;
    }
  });
  EXPECT_EQ(exit_code(host.status_of_process({task}, [&] { host.call_items(0, {""}); })), kExitUnwound);
}

// The result is how the child that returned from the task as well has ended.
std::int32_t fork_and_return(void*, const bulkhead_call* call, const void* in, std::size_t, std::uint64_t) {
  const char when = static_cast<const char*>(in)[4];
  if (when == 'm') put(call, "made room before ");
  const pid_t child = ::fork();
  if (child == 0) {
    if (when == 'r') return BULKHEAD_TASK_FAILED;
    if (when == 'p') call->progress(call->self, 1, 2, nullptr, 0);
    if (when == 'w') put(call, "child");
    return call->end_item(call->self, BULKHEAD_OK);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  put(call, std::to_string(exit_code(status)));
  return call->end_item(call->self, BULKHEAD_OK);
}

TEST(ExecutorEnd, ComesToAForkedChildAtItsFirstWordWhileTheWorkerGoesOn) {
  Host host;
  host.start({task_of(fork_and_return)});
  EXPECT_EQ(text_of(host.reply_to(0, "return").payload), "70");
  EXPECT_EQ(text_of(host.reply_to(0, "progress").payload), "70");
  EXPECT_EQ(text_of(host.reply_to(0, "write").payload), "70");
  EXPECT_EQ(text_of(host.reply_to(0, "end").payload), "70");
  EXPECT_EQ(text_of(host.reply_to(0, "made").payload), "made room before 70");
  EXPECT_EQ(host.shut_down(), 0);
}

TEST(ExecutorEnd, ComesWhenTheHostMakesNoSense) {
  const auto status_after = [](auto change) {
    Host host;
    return exit_code(host.status_of_process({task_of(echo)}, [&] {
      auto header = Host::call_of(0, 4);
      change(header);
      host.offer(header, with_sizes({""}));
    }));
  };
  EXPECT_EQ(status_after([](protocol::CallHeader& h) { h.task_index = 1; }), kExitProtocol);
  EXPECT_EQ(status_after([](protocol::CallHeader& h) { h.count = 0; }), kExitProtocol);
}

TEST(ExecutorEnd, ComesWhenABlockIsDueAndTheControlSocketIsGone) {
  Host host;
  auto header = Host::call_of(0, 100, 1, 100);
  header.flags = protocol::kInBlock;
  header.block_id = 1;
  EXPECT_EQ(exit_code(host.status_of_process({task_of(echo)},
                                             [&] {
                                               host.offer(header, {});
                                               host.close_control_socket();
                                             })),
            kExitProtocol);
}

TEST(ExecutorEnd, ComesWhenTheControlSocketCarriesSomethingElse) {
  const auto status_after = [](auto send) {
    Host host;
    auto header = Host::call_of(0, 300'000, 1, 300'000);
    header.flags = protocol::kInBlock;
    header.block_id = 1;
    return exit_code(host.status_of_process({task_of(echo)}, [&] {
      host.offer(header, {});
      send(host);
    }));
  };
  EXPECT_EQ(status_after([](Host& host) { host.send(bytes_of("nonsense"), {}); }), kExitProtocol);
  EXPECT_EQ(status_after([](Host& host) { host.send_block(1, 1 << 20, false, {}); }), kExitProtocol);
  EXPECT_EQ(status_after([](Host& host) {
              host.send(protocol::encode(protocol::SharedMessage{1, 4096, false}), {});
            }),
            kExitProtocol);
  EXPECT_EQ(status_after([](Host& host) {
              const auto small = ipc::SharedBlock::create(1, ipc::Writer::kHost, 1);  // 256 KiB
              host.send_block(small);
            }),
            kExitProtocol);
  EXPECT_EQ(status_after([](Host& host) {
              const auto block = ipc::SharedBlock::create(1 << 20, ipc::Writer::kHost, 1);
              host.send_block(1, 1 << 30, false, {block.fd()});  // larger than it is
            }),
            kExitProtocol);
}

}  // namespace
}  // namespace bulkhead::worker::test
