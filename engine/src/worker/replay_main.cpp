#include "worker/replay_main.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <limits>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/loader.hpp"
#include "plugin/plugin_file.hpp"
#include "protocol/dead_letter.hpp"
#include "protocol/record.hpp"
#include "worker/discarded_call.hpp"
#include "worker/plugin_host.hpp"

namespace bulkhead::worker {

namespace {

// As bulkhead's own exit codes.
constexpr int kReturned = 0;
constexpr int kTaskFailed = 1;
constexpr int kPluginFailed = 3;
constexpr int kLetterFailed = 4;

void say_what_it_is(const protocol::DeadLetter& letter) {
  std::fprintf(stderr, "task:    %s (attempt %u, item %llu, %zu bytes of arguments)\n", letter.task.c_str(),
               letter.attempt, static_cast<unsigned long long>(letter.item), letter.arguments.size());
  std::fprintf(stderr, "plugin:  %s\n", letter.plugin_path.c_str());
  if (!letter.manifest.empty()) std::fprintf(stderr, "from:    %s\n", letter.manifest.c_str());
  std::fprintf(stderr, "died:    %s\n", letter.why.c_str());
  if (!letter.backtrace.empty()) std::fprintf(stderr, "%s\n", letter.backtrace.c_str());
}

// The task under its name, wherever a newer build of the plugin has it.
const bulkhead_task& find_task(const plugin::LoadedPlugin& plugin, const plugin::PluginEntry& entry,
                               const protocol::DeadLetter& letter) {
  for (std::size_t i = 0; i < entry.tasks.size(); ++i) {
    if (entry.tasks[i].name == letter.task) return plugin.task(i);
  }
  detail::raise<PluginError>("plugin \"" + letter.plugin_path + "\" has no task \"" + letter.task + "\" any more",
                             PluginError::Info{letter.plugin_path, PluginError::Reason::kInconsistent});
}

class Replay {
 public:
  explicit Replay(const protocol::DeadLetter& letter)
      : letter_(letter),
        file_(plugin::PluginFile::open(letter.plugin_path)),
        plugin_(plugin::LoadedPlugin::load(file_.fd(), letter.plugin_path)),
        host_(lasting_host(file_.entry().name, letter.plugin_config)),
        task_(find_task(plugin_, file_.entry(), letter)) {
    if (file_.sha256() != letter.plugin_sha256) {
      std::fprintf(stderr, "note:    the plugin is not the build that died (%.12s then, %.12s now)\n",
                   letter.plugin_sha256.c_str(), file_.sha256().c_str());
    }
    std::string error;
    if (!run_load(plugin_.table(), host_, error)) {
      detail::raise<PluginError>("the initialiser of plugin \"" + letter.plugin_path + "\" failed: " + error,
                                 PluginError::Info{letter.plugin_path, PluginError::Reason::kCannotLoad});
    }
    header_.codec = letter.codec;
    header_.deadline_ns = std::numeric_limits<std::int64_t>::max();
    header_.attempt = static_cast<std::uint16_t>(letter.attempt);
    header_.count = 1;
    header_.payload_bytes = letter.arguments.size();
  }
  ~Replay() {
    if (has_state_ && task_.destroy != nullptr) task_.destroy(state_);
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Empty: it returned.
  [[nodiscard]] std::string run() {
    if (task_.create != nullptr && !has_state_) {
      SetupCall setup;
      setup.table().codec = header_.codec;
      setup.table().deadline_ns = header_.deadline_ns;
      setup.table().attempt = header_.attempt;
      if (task_.create(host_, &setup.table(), task_.user, &state_) != BULKHEAD_OK) {
        return failure_text(setup.take_failure());
      }
      has_state_ = true;
    }
    // The boundary knows no item without its size.
    static constexpr std::array<std::byte, sizeof(std::uint32_t)> kOneEmptyItem{};
    const std::span<const std::byte> in = letter_.arguments.empty() ? std::span<const std::byte>(kOneEmptyItem)
                                                                    : std::span<const std::byte>(letter_.arguments);
    static constexpr std::uint32_t kNoStop = BULKHEAD_STOP_NO;
    DiscardedCall call(header_, kNoStop);
    const auto outcome = task_.invoke_batch(state_, &call.table(), in.data(), in.size(), 1);
    return call.failure(outcome);
  }

 private:
  const protocol::DeadLetter& letter_;
  plugin::PluginFile file_;
  plugin::LoadedPlugin plugin_;
  const bulkhead_host* host_;
  const bulkhead_task& task_;
  protocol::CallHeader header_;
  void* state_ = nullptr;
  bool has_state_ = false;
};

}  // namespace

int run_replay(const std::string& file, unsigned long times) noexcept {
  try {
    const protocol::DeadLetter letter = protocol::read_dead_letter(file);
    say_what_it_is(letter);
    Replay replay(letter);
    int status = kReturned;
    for (unsigned long run = 1; run <= times; ++run) {
      const std::string failure = replay.run();
      std::printf("run %lu of %lu: %s%s\n", run, times, failure.empty() ? "returned" : "failed: ", failure.c_str());
      std::fflush(stdout);
      if (!failure.empty()) status = kTaskFailed;
    }
    return status;
  } catch (const PluginError& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return kPluginFailed;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  return kLetterFailed;
}

}  // namespace bulkhead::worker
