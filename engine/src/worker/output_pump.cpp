#include "worker/output_pump.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "protocol/control.hpp"
#include "worker/log_route.hpp"

namespace bulkhead::worker {

namespace {

// Between two looks at the pipe, so that who prints in a loop does not wake this thread each time. The pipe holds 64 KiB
// meanwhile.
constexpr auto kRest = std::chrono::milliseconds(1);
// Between two words to the host: what a flood costs it is a tail fifty times a second.
constexpr auto kAnnouncementPause = std::chrono::milliseconds(20);
// While the host does not read.
constexpr auto kLongestPause = std::chrono::milliseconds(1000);

}  // namespace

std::optional<std::chrono::milliseconds> OutputPump::patience(Clock::time_point now) const noexcept {
  Clock::time_point until = Clock::time_point::max();
  if (now < rests_until_) until = rests_until_;
  if (has_news_) until = std::min(until, next_announcement_);
  if (until == Clock::time_point::max()) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, Clock::duration::zero()));
}

void OutputPump::carry() noexcept {
  constexpr std::uint64_t kSize = protocol::OutputTail::kSize;
  for (std::uint64_t taken = 0; taken < kSize;) {
    int waiting = 0;
    if (::ioctl(pipe_, FIONREAD, &waiting) != 0 || waiting <= 0) break;
    if (!is_in_mark_) put_mark();
    const std::uint64_t at = end_ % kSize;
    const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(waiting), kSize - at);
    char* const to = tail_.bytes.data() + at;
    // acq_rel: [tail] nothing is written there before the host can see that it will be.
    tail_.reserved.exchange(end_ + size, std::memory_order_acq_rel);
    std::memset(to, 0, size);
    const ssize_t got = ::read(pipe_, to, size);
    if (got <= 0) break;
    const std::string_view text(to, static_cast<std::size_t>(got));
    const auto begin = text.rfind(protocol::kMarkBegin);
    const auto end = text.rfind(protocol::kMarkEnd);
    if (begin != std::string_view::npos) {
      is_in_mark_ = end == std::string_view::npos || end < begin;
    } else if (end != std::string_view::npos) {
      is_in_mark_ = false;
    }
    publish(end_ + static_cast<std::uint64_t>(got));
    taken += static_cast<std::uint64_t>(got);
    has_news_ = true;
  }
  rests_until_ = Clock::now() + kRest;
}

void OutputPump::put_mark() noexcept {
  std::array<char, protocol::kMaxMarkBytes> mark;
  const std::size_t size = protocol::write_mark(mark, mark_of(area_));
  tail_.reserved.exchange(end_ + size, std::memory_order_acq_rel);  // as in carry()
  for (std::size_t i = 0; i < size; ++i) tail_.bytes[(end_ + i) % protocol::OutputTail::kSize] = mark[i];
  publish(end_ + size);
}

void OutputPump::publish(std::uint64_t end) noexcept {
  end_ = end;
  tail_.written.store(end, std::memory_order_release);  // [tail]
}

void OutputPump::announce_if_due(Clock::time_point now) noexcept {
  if (!has_news_ || now < next_announcement_) return;
  const auto kind = protocol::Output::kKind;
  const bool is_told = ::send(control_fd_, &kind, sizeof kind, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof kind;
  pause_ = is_told ? kAnnouncementPause : std::min(std::max(pause_, kAnnouncementPause) * 2, kLongestPause);
  has_news_ = !is_told;
  next_announcement_ = now + pause_;
}

}  // namespace bulkhead::worker
