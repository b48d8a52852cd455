// A small host for the process layer's tests: loop, warden, bells, and workers whose ready and end
// can be waited for.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/sdk/abi.h"
#include "ipc/pool_bells.hpp"
#include "process/event_loop.hpp"
#include "process/warden_client.hpp"
#include "process/worker_process.hpp"
#include "process/worker_program.hpp"
#include "protocol/record.hpp"
#include "support/eventually.hpp"
#include "support/logging.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process::test {

using namespace std::chrono_literals;
using bulkhead::test::eventually;

// Bounds a failing test only.
inline constexpr auto kPatience = 30s;

// False for a zombie too: whoever inherits the dead may take its time.
[[nodiscard]] inline bool process_exists(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && line.size() > name_end + 2 && line[name_end + 2] != 'Z' &&
         line[name_end + 2] != 'X';
}

class QuietLog {
 public:
  QuietLog()
      : log(support::LogLevel::kTrace, [this](support::LogLevel, std::string_view text) {
          const std::lock_guard lock(mutex_);
          text_ += std::string(text) + "\n";
        }) {}
  [[nodiscard]] std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;

 public:
  support::Log log;
};

class TestHost {
 public:
  explicit TestHost(std::filesystem::path program = find_worker_program(std::nullopt))
      : bells(ipc::PoolBells::create()), loop(&log.log), warden(loop, log.log, std::move(program)) {}

  [[nodiscard]] PluginToLoad plugin(const std::string& misbehaviour) {
    const std::string path = std::string(PROCESS_TEST_PLUGINS) + "/" + misbehaviour + ".so";
    files_.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(files_.back().is_open()) << path;
    return {.name = misbehaviour, .shown_path = path, .fd = files_.back().get(), .config_json = "{}"};
  }

  [[nodiscard]] std::shared_ptr<WorkerConfig> config(const std::string& misbehaviour = "none") {
    auto made = std::make_shared<WorkerConfig>();
    made->plugins = {plugin(misbehaviour)};
    made->ring_sizes = {1U << 16, 1U << 16};
    made->pool_page_fd = bells.page_fd();
    made->leader_bell_fd = bells.leader().fd();
    made->pump_bell_fd = bells.pump().fd();
    return made;
  }

  [[nodiscard]] pid_t warden_pid() {
    pid_t pid = -1;
    loop.run_sync([&] { pid = warden.pid(); });
    return pid;
  }

  QuietLog log;
  ipc::PoolBells bells;

 private:
  std::vector<support::UniqueFd> files_;

 public:
  EventLoop loop;
  Warden warden;
};

class TestWorker : public Worker::Listener {
 public:
  TestWorker(TestHost& host, std::shared_ptr<const WorkerConfig> config, bool must_start = true) : host_(host) {
    host_.loop.run_sync([&] {
      process_ =
          std::make_unique<WorkerProcess>(host_.loop, host_.warden, host_.log.log, std::move(config), 3, 7, *this);
      if (must_start) process_->start();
    });
  }
  ~TestWorker() override { destroy(); }

  void destroy() {
    host_.loop.run_sync([&] { process_.reset(); });
  }
  [[nodiscard]] WorkerProcess& process() { return *process_; }

  // False: it ended instead, or nothing happened.
  [[nodiscard]] bool wait_ready() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return ready_count_ > 0 || reason_; });
    return ready_count_ == 1 && !reason_;
  }
  [[nodiscard]] ExitReason wait_ended() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return reason_.has_value(); })) {
      ADD_FAILURE() << "the worker's end was never told";
      return {};
    }
    return *reason_;
  }
  [[nodiscard]] bool has_ended() {
    const std::lock_guard lock(mutex_);
    return reason_.has_value();
  }
  [[nodiscard]] int ended_count() {
    const std::lock_guard lock(mutex_);
    return ended_count_;
  }

  // Offers one call of the plugin's task number `index`.
  std::uint64_t offer(std::uint32_t index, std::string_view argument) {
    auto& channel = process_->channel();
    const protocol::CallHeader header{.codec = BULKHEAD_CODEC_BINARY,
                                      .task_id = 1000 + index,
                                      .task_index = index,
                                      .count = 1,
                                      .stride = static_cast<std::uint32_t>(argument.size()),
                                      .payload_bytes = argument.size(),
                                      .deadline_ns = INT64_MAX};
    const auto room = channel.try_reserve(sizeof header + argument.size());
    EXPECT_FALSE(room.empty());
    protocol::write_record(room, header, std::as_bytes(std::span(argument)));
    const auto sequence = channel.stage(sizeof header + argument.size());
    channel.flush();
    channel.ring_if_parked();
    return sequence;
  }

  // The bytes of the next result; nullopt when none comes or it is a failure.
  [[nodiscard]] std::optional<std::string> take_result() {
    auto& channel = process_->channel();
    std::span<const std::byte> frame;
    if (!eventually(kPatience, [&] { return channel.has_responses(); })) return std::nullopt;
    if (channel.receive(frame) != ipc::HostChannel::Receive::kRecord) return std::nullopt;
    protocol::Refusal refusal;
    const auto reply = protocol::read_reply(frame, refusal);
    std::optional<std::string> result;
    if (reply && reply->header.outcome == BULKHEAD_OK) {
      result.emplace(reinterpret_cast<const char*>(reply->payload.data()), reply->payload.size());
    }
    channel.pop();
    channel.release();
    return result;
  }

  // What echo answers.
  [[nodiscard]] std::optional<std::string> echo(std::string_view text) {
    const auto sequence = offer(0, text);
    auto result = take_result();
    process_->channel().settle(sequence);
    return result;
  }

 private:
  void worker_ready(Worker&) override {
    const std::lock_guard lock(mutex_);
    ++ready_count_;
    changed_.notify_all();
  }
  void worker_ended(Worker&, const ExitReason& reason) override {
    const std::lock_guard lock(mutex_);
    ++ended_count_;
    reason_ = reason;
    changed_.notify_all();
  }

  TestHost& host_;
  std::unique_ptr<WorkerProcess> process_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int ready_count_ = 0;
  int ended_count_ = 0;
  std::optional<ExitReason> reason_;
};

}  // namespace bulkhead::process::test
