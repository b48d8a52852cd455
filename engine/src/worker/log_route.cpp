#include "worker/log_route.hpp"

#include <sys/types.h>
#include <unistd.h>
#include <climits>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include <bulkhead/sdk/abi.h>

namespace bulkhead::worker {

namespace {

constexpr std::array<std::string_view, 6> kLogLevelNames{"trace", "debug", "info", "warn", "error", "critical"};
constexpr std::string_view kCutMark = "…";

struct Capture {
  std::atomic<const ipc::WorkerArea*> area{nullptr};
  int pipe = -1;
  pid_t pid = 0;
};
constinit Capture capture;

thread_local LogRoute* route = nullptr;

// One line in one write(), which a pipe does not mix with other lines.
class WholeLine {
 public:
  void add(std::string_view text) noexcept {
    const std::size_t room = bytes_.size() - 1 - kCutMark.size() - size_;
    is_cut_ = is_cut_ || text.size() > room;
    for (const char c : text.substr(0, std::min(text.size(), room))) bytes_[size_++] = is_kept(c) ? c : ' ';
  }
  void add_mark(const protocol::OutputMark& mark) noexcept {
    static_assert(protocol::kMaxMarkBytes < PIPE_BUF);
    is_for_host_ = true;
    size_ += protocol::write_mark(std::span(bytes_).first<protocol::kMaxMarkBytes>(), mark);
  }
  void write_to(int fd) noexcept {
    if (is_cut_) {
      std::copy(kCutMark.begin(), kCutMark.end(), &bytes_[size_]);
      size_ += kCutMark.size();
    }
    bytes_[size_++] = '\n';
    while (::write(fd, bytes_.data(), size_) < 0 && errno == EINTR) {
    }
  }

 private:
  // The host makes characters that terminals obey visible; nobody else does.
  [[nodiscard]] bool is_kept(char c) const noexcept {
    if (is_for_host_) return c != '\n' && c != protocol::kMarkBegin && c != protocol::kMarkEnd;
    return static_cast<unsigned char>(c) >= 0x20 || c == '\t';
  }

  std::array<char, PIPE_BUF> bytes_;
  std::size_t size_ = 0;
  bool is_cut_ = false;
  bool is_for_host_ = false;
};

}  // namespace

LogRouteScope::LogRouteScope(LogRoute& to) noexcept { route = &to; }
LogRouteScope::~LogRouteScope() { route = nullptr; }

void send_log_lines_to(int pipe, const ipc::WorkerArea& area) noexcept {
  capture.pipe = pipe;
  capture.pid = ::getpid();
  // release: who sees the area sees the rest.
  capture.area.store(&area, std::memory_order_release);
}

protocol::OutputMark mark_of(const ipc::WorkerArea& area) noexcept {
  // relaxed, all of them: it is for people, and each is true by itself.
  const std::uint64_t task = area.status_task.load(std::memory_order_relaxed);
  return {.level = {},
          .phase = static_cast<std::uint8_t>(area.status_phase.load(std::memory_order_relaxed)),
          .task = static_cast<std::uint32_t>(task),
          .attempt = static_cast<std::uint32_t>(task >> 32),
          .task_id = area.status_task_id.load(std::memory_order_relaxed),
          .plugin = {}};
}

void log_line(std::int32_t level, std::string_view plugin, std::string_view text) noexcept {
  const auto known = static_cast<std::uint8_t>(std::clamp<std::int32_t>(level, 0, BULKHEAD_LOG_CRITICAL));
  if (route != nullptr) {
    try {
      return route->log_line(known, plugin, text);
    } catch (...) {  // no memory: the line is lost
      return;
    }
  }
  WholeLine line;
  // acquire: see send_log_lines_to().
  const ipc::WorkerArea* const area = capture.area.load(std::memory_order_acquire);
  // A forked child does not have that memory; its lines are what it writes, as any.
  if (area != nullptr && ::getpid() == capture.pid) {
    protocol::OutputMark mark = mark_of(*area);
    mark.level = known;
    mark.plugin = plugin;
    line.add_mark(mark);
    line.add(text);
    return line.write_to(capture.pipe);
  }
  line.add("[");
  line.add(plugin);
  line.add("] ");
  line.add(kLogLevelNames[known]);
  line.add(" ");
  line.add(text);
  line.write_to(STDERR_FILENO);
}

}  // namespace bulkhead::worker
