// A host and a worker over one channel, in one process: run_tasks() on a thread, the test plays the
// host.
//
// Tasks are plain C tables. `user` of a task becomes its state, which is how a task reaches the
// test's objects.
#pragma once

#include <bulkhead/sdk/abi.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "ipc/block.hpp"
#include "ipc/control_socket.hpp"
#include "ipc/host_channel.hpp"
#include "ipc/pool_bells.hpp"
#include "ipc/worker_channel.hpp"
#include "protocol/control.hpp"
#include "protocol/envelope.hpp"
#include "protocol/record.hpp"
#include "support/unique_fd.hpp"
#include "worker/executor.hpp"

namespace bulkhead::worker::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
template <class... Integers>
Bytes packed(Integers... values) {
  Bytes bytes((sizeof values + ...));
  std::size_t at = 0;
  ((std::memcpy(bytes.data() + at, &values, sizeof values), at += sizeof values), ...);
  return bytes;
}
// Items that are preceded by their sizes.
inline Bytes with_sizes(const std::vector<std::string>& items) {
  Bytes bytes;
  for (const std::string& item : items) {
    for (const Bytes& part : {packed(static_cast<std::uint32_t>(item.size())), bytes_of(item)}) {
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  }
  return bytes;
}

using Invoke = decltype(bulkhead_task::invoke_batch);
inline bulkhead_task task_of(Invoke invoke, void* user = nullptr) {
  bulkhead_task task{};
  task.name = "t";
  task.signature = "";
  task.doc = "";
  task.param_names = "";
  task.codecs = BULKHEAD_CODEC_BINARY | BULKHEAD_CODEC_JSON;
  task.retries = -1;
  task.user = user;
  task.create = [](const bulkhead_host*, const bulkhead_call*, void* given, void** state) -> std::int32_t {
    *state = given;
    return BULKHEAD_OK;
  };
  task.invoke_batch = invoke;
  return task;
}

// For tasks: the whole result at once, and why an item fails.
inline bool put(const bulkhead_call* call, std::string_view text) {
  void* room = call->reserve(call->self, text.size());
  if (room == nullptr) return false;
  std::memcpy(room, text.data(), text.size());
  call->commit(call->self, text.size());
  return true;
}
inline void fail(const bulkhead_call* call, std::string_view type, std::string_view text,
                 std::string_view detail = {}) {
  call->fail(call->self, type.data(), type.size(), text.data(), text.size(), detail.data(), detail.size());
}

// Opened by the test, waited for by a task.
class Gate {
 public:
  void open() { is_open_.store(true); }
  void wait() const {
    while (!is_open_.load()) std::this_thread::yield();
  }

 private:
  std::atomic<bool> is_open_{false};
};

template <class Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

struct Reply {
  protocol::ReplyHeader header;
  Bytes payload;
  [[nodiscard]] bool is_last() const { return (header.flags & protocol::kLast) != 0; }
  [[nodiscard]] bool is_in_block() const { return (header.flags & protocol::kInBlock) != 0; }
  [[nodiscard]] protocol::ErrorEnvelope error() const {
    const auto envelope = protocol::decode_envelope(payload);
    EXPECT_TRUE(envelope) << "not an envelope";
    return envelope.value_or(protocol::ErrorEnvelope{});
  }
};

class Host {
 public:
  explicit Host(ipc::ChannelSizes sizes = {})
      : bells_(ipc::PoolBells::create()),
        channel_(ipc::HostChannel::create(sizes, ipc::make_doorbell_name())),
        sockets_(ipc::ControlSocket::pair()) {
    bells_.set(ipc::ParkMode::kAwake);
  }
  ~Host() {
    if (thread_.joinable()) (void)shut_down();
  }

  // -- the worker --

  // What the worker's process or thread does. Called in it.
  [[nodiscard]] int work(const std::vector<bulkhead_task>& tasks) {
    auto channel = ipc::WorkerChannel::attach({
        .host_memory = copy_of(channel_.host_fd()),
        .worker_memory = copy_of(channel_.worker_fd()),
        .pool_page = copy_of(bells_.page_fd()),
        .leader_bell = copy_of(bells_.leader().fd()),
        .pump_bell = copy_of(bells_.pump().fd()),
        .sizes = channel_.sizes(),
        .doorbell_name = channel_.doorbell_name(),
        .spin_pauses = 100,
    });
    std::vector<TaskToRun> to_run;
    for (const auto& task : tasks) to_run.push_back({&task, nullptr});
    return run_tasks(channel, sockets_.second.fd(), to_run);
  }
  void start(std::vector<bulkhead_task> tasks) {
    thread_ = std::thread([this, tasks = std::move(tasks)] { exit_status_ = work(tasks); });
  }
  [[nodiscard]] int shut_down() {
    protocol::CallHeader header;
    header.kind = protocol::CallKind::kShutdown;
    offer(header, {});
    thread_.join();
    return exit_status_;
  }
  // Runs the worker in a forked process, which is expected to end by itself; its wait status.
  // `host` is what the host does meanwhile.
  template <class HostPart>
  [[nodiscard]] int status_of_process(const std::vector<bulkhead_task>& tasks, HostPart host) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      sockets_.first.release().reset();
      ::_exit(work(tasks));
    }
    sockets_.second.release().reset();
    host();
    int status = -1;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  // -- requests --

  std::uint64_t offer(protocol::CallHeader header, const Bytes& payload) {
    const std::size_t size = sizeof header + payload.size();
    std::span<std::byte> room;
    EXPECT_TRUE(eventually([&] { return !(room = channel_.try_reserve(size)).empty(); }));
    protocol::write_record(room, header, payload);
    const std::uint64_t sequence = channel_.stage(size);
    channel_.flush();
    channel_.ring_if_parked();
    if (header.kind == protocol::CallKind::kCall) offered_.push_back(sequence);
    return sequence;
  }
  static protocol::CallHeader call_of(std::uint32_t task, std::uint64_t payload_bytes, std::uint32_t count = 1,
                                      std::uint32_t stride = 0) {
    protocol::CallHeader header;
    header.codec = BULKHEAD_CODEC_BINARY;
    header.task_id = 1000 + task;
    header.task_index = task;
    header.count = count;
    header.stride = stride;
    header.payload_bytes = payload_bytes;
    header.deadline_ns = std::numeric_limits<std::int64_t>::max();
    return header;
  }
  std::uint64_t call(std::uint32_t task, const Bytes& payload, std::uint32_t count = 1, std::uint32_t stride = 0) {
    return offer(call_of(task, payload.size(), count, stride), payload);
  }
  std::uint64_t call_items(std::uint32_t task, const std::vector<std::string>& items) {
    return call(task, with_sizes(items), static_cast<std::uint32_t>(items.size()));
  }

  // -- replies --

  [[nodiscard]] Reply next_reply() {
    std::span<const std::byte> frame;
    auto received = ipc::HostChannel::Receive::kEmpty;
    if (!eventually([&] { return (received = channel_.receive(frame)) != ipc::HostChannel::Receive::kEmpty; })) {
      ADD_FAILURE() << "no reply";
      return {};
    }
    EXPECT_EQ(received, ipc::HostChannel::Receive::kRecord);
    protocol::Refusal refusal;
    const auto record = protocol::read_reply(frame, refusal);
    if (!record) {
      ADD_FAILURE() << refusal.why;
      return {};
    }
    Reply reply{record->header, Bytes(record->payload.begin(), record->payload.end())};
    channel_.pop();
    channel_.release();
    if (reply.is_last() || reply.header.kind == protocol::ReplyKind::kSkipped) {
      channel_.settle(offered_.front());
      offered_.pop_front();
    }
    return reply;
  }
  // One call of one item that has no progress: its reply.
  [[nodiscard]] Reply reply_to(std::uint32_t task, const std::string& item) {
    call_items(task, {item});
    return next_reply();
  }

  // -- blocks --

  void send_block(const ipc::SharedBlock& block) {
    send_block(block.id(), block.size(), block.writer() == ipc::Writer::kWorker, {block.fd()});
  }
  void send_block(std::uint32_t id, std::uint64_t size, bool writable, const std::vector<int>& fds) {
    protocol::BlockMessage message;
    message.id = id;
    message.size = size;
    message.writable = writable;
    send(protocol::encode(message), fds);
  }
  void send(const Bytes& message, const std::vector<int>& fds) {
    EXPECT_EQ(sockets_.first.send(message, fds, support::Deadline::after(std::chrono::seconds(60))),
              ipc::ControlSocket::Sent::kSent);
  }
  void close_control_socket() { sockets_.first.release().reset(); }

  [[nodiscard]] ipc::HostChannel& channel() { return channel_; }
  [[nodiscard]] ipc::PoolBells& bells() { return bells_; }

 private:
  static support::UniqueFd copy_of(int fd) { return support::UniqueFd(::dup(fd)); }

  ipc::PoolBells bells_;
  ipc::HostChannel channel_;
  std::pair<ipc::ControlSocket, ipc::ControlSocket> sockets_;
  std::deque<std::uint64_t> offered_;
  std::thread thread_;
  int exit_status_ = -1;
};

// The items of a call, as a task written in C walks them.
template <class Visit>
void for_each_item(const bulkhead_call* call, const void* in, std::uint64_t count, Visit visit) {
  const auto* at = static_cast<const std::byte*>(in);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::size_t size = call->item_stride;
    if (size == 0) {
      std::uint32_t prefix = 0;
      std::memcpy(&prefix, at, sizeof prefix);
      at += sizeof prefix;
      size = prefix;
    }
    visit(i, std::string_view(reinterpret_cast<const char*>(at), size));
    at += size;
  }
}

// Gives every item back as it came.
inline std::int32_t echo(void*, const bulkhead_call* call, const void* in, std::size_t, std::uint64_t count) {
  for_each_item(call, in, count, [&](std::uint64_t, std::string_view item) {
    put(call, item);
    call->end_item(call->self, BULKHEAD_OK);
  });
  return BULKHEAD_OK;
}

}  // namespace bulkhead::worker::test
