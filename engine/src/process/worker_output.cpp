#include "process/worker_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "support/deadline.hpp"
#include "support/logging.hpp"
#include "support/system_error.hpp"

namespace bulkhead::process {

namespace {
constexpr auto kSecond = std::chrono::seconds(1);
}

WorkerOutput::WorkerOutput(EventLoop& loop, support::Log& log, std::uint32_t slot, Sink sink)
    : loop_(loop), log_(log), slot_(slot), sink_(std::move(sink)), reading_([this](const protocol::OutputLine& line) {
        pass(line);
      }) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    support::raise_system_error(errno, "make a pipe for a worker's output", "descriptors");
  }
  reader_ = support::UniqueFd(ends[0]);
  writer_ = support::UniqueFd(ends[1]);
  // Both processes look before they read, and neither may wait for the other.
  ::fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
}

void WorkerOutput::take_last(const ipc::HostChannel& channel) {
  writer_.reset();
  const auto status = channel.status();
  reading_.take_last(protocol::output_tail_in(channel.output()), reader_.get(),
                     {.level = {},
                      .phase = status.phase,
                      .task = status.task,
                      .attempt = status.attempt,
                      .task_id = status.task_id,
                      .plugin = {}});
  reader_.reset();
  end_of_second_.reset();
  tell_of_omissions();
}

void WorkerOutput::pass(const protocol::OutputLine& line) {
  const auto now = std::chrono::steady_clock::now();
  if (now - second_began_ >= kSecond) {
    second_began_ = now;
    lines_this_second_ = 0;
  }
  if (++lines_this_second_ <= kMostLinesPerSecond) return sink_(line);
  if (omitted_lines_++ > 0) return;
  end_of_second_ = loop_.at(support::Deadline::after(kSecond), [this] { tell_of_omissions(); });
}

void WorkerOutput::tell_of_omissions() {
  const std::uint64_t lines = std::exchange(omitted_lines_, 0);
  const std::uint64_t bytes = reading_.lost_bytes() - std::exchange(told_lost_bytes_, reading_.lost_bytes());
  if (lines == 0 && bytes == 0) return;
  std::string text = "worker " + std::to_string(slot_) + " wrote more than its log takes: ";
  if (lines > 0) text += std::to_string(lines) + " lines are left out";
  if (bytes > 0) text += (lines > 0 ? ", and " : "") + std::to_string(bytes) + " bytes were overwritten unread";
  log_.warn(text);
}

}  // namespace bulkhead::process
