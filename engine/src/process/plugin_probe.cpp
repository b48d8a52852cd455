#include "process/plugin_probe.hpp"

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "process/managed_process.hpp"
#include "protocol/control.hpp"

namespace bulkhead::process {

namespace {

constexpr std::uint32_t kMaxTasks = 1U << 20;

// One throw-away process. Lives on the loop thread.
class Probe : private ManagedProcess::Listener {
 public:
  Probe(EventLoop& loop, Warden& warden, const PluginToLoad& plugin, support::Deadline deadline,
        std::function<void(ProbeResult)> done)
      : plugin_(plugin),
        done_(std::move(done)),
        process_(loop, warden, Warden::Mode::kProbe, StartMethod::kForkserver, *this) {
    limit_ = loop.at(deadline, [this] {
      const std::string trouble = process_.trouble();
      hung_ = trouble.empty();
      process_.give_up(hung_ ? "it took too long" : "it was not reached in time: " + trouble);
    });
    process_.start();
  }

 private:
  void said_hello() override {
    try {
      process_.send(protocol::encode(protocol::ProbeMessage{plugin_.name, protocol::cut_text(plugin_.shown_path)}),
                    std::array{plugin_.fd, process_.warden().host_pidfd()});
    } catch (const Error& error) {
      process_.give_up(error.what());
    }
  }

  void said(std::span<const std::byte> message, std::vector<support::UniqueFd>&) override {
    if (auto failed = protocol::decode<protocol::Failed>(message)) {
      failure_ = std::move(*failed);
      return process_.expect_end();
    }
    if (auto found = protocol::decode<protocol::ProbedPlugin>(message); found && !entry_) {
      if (found->task_count > kMaxTasks) return process_.condemn("it claims to have too many tasks");
      task_count_ = found->task_count;
      entry_ = plugin::PluginEntry{.name = std::move(found->name),
                                   .version = std::move(found->version),
                                   .sdk_version = std::move(found->sdk_version),
                                   .compiler = std::move(found->compiler),
                                   .abi_major = found->abi_major,
                                   .abi_minor = found->abi_minor,
                                   .path = plugin_.shown_path,
                                   .tasks = {}};
      return;
    }
    if (auto task = protocol::decode<protocol::ProbedTask>(message);
        task && entry_ && entry_->tasks.size() < task_count_) {
      entry_->tasks.push_back(to_entry(std::move(*task)));
      return;
    }
    broke_protocol_ = true;
    process_.condemn("it sent a message that makes no sense now");
  }

  [[nodiscard]] plugin::TaskEntry to_entry(protocol::ProbedTask&& task) const {
    plugin::TaskEntry entry;
    entry.name = std::move(task.name);
    entry.signature = std::move(task.signature);
    entry.doc = std::move(task.doc);
    entry.param_names = std::move(task.param_names);
    entry.codecs = task.codecs;
    entry.flags = task.flags;
    entry.required_flags = task.required_flags;
    entry.retries = task.retries;
    entry.timeout = std::chrono::nanoseconds(task.timeout_ns);
    entry.soft_timeout = std::chrono::nanoseconds(task.soft_timeout_ns);
    entry.shape = task.shape;
    entry.task_index = static_cast<std::uint32_t>(entry_->tasks.size());
    return entry;
  }

  void ended(const ExitStatus& status, std::string text) override {
    limit_.reset();
    done_(result(status, text));
  }

  [[nodiscard]] ProbeResult result(const ExitStatus& status, const std::string& text) {
    using Reason = PluginError::Reason;
    const std::string what = "cannot load plugin \"" + plugin_.name + "\" (" + plugin_.shown_path + "): ";
    if (failure_) {
      const auto reason = failure_->reason.value_or(static_cast<std::uint8_t>(Reason::kCannotLoad));
      return {.entry = {},
              .reason = reason <= static_cast<std::uint8_t>(Reason::kDuplicate) ? static_cast<Reason>(reason)
                                                                                : Reason::kCannotLoad,
              // A refusal names the plugin by itself.
              .error = failure_->reason ? failure_->text : what + failure_->text};
    }
    if (hung_) {
      return {.entry = {},
              .error = what +
                       "a constructor in it, or in a library it needs, does not come to an end "
                       "(load phase)"};
    }
    // All of it is here: how the process left after that does not matter, nor how long it took (on a busy machine its end
    // may be seen long after that of its socket).
    if (!broke_protocol_ && entry_ && entry_->tasks.size() == task_count_) {
      return {.entry = std::move(entry_), .error = {}};
    }
    std::string how = describe_status(status.known, status.signal, status.exit_code, status.core_dumped);
    if (!text.empty()) how += ": " + text;
    return {.entry = {}, .error = what + "the process that tried it " + how + " (load phase)"};
  }

  const PluginToLoad& plugin_;
  const std::function<void(ProbeResult)> done_;
  std::optional<plugin::PluginEntry> entry_;
  std::uint32_t task_count_ = 0;
  std::optional<protocol::Failed> failure_;
  bool hung_ = false;
  bool broke_protocol_ = false;
  ManagedProcess process_;
  EventLoop::Timer limit_;
};

}  // namespace

std::vector<ProbeResult> probe_plugins(EventLoop& loop, Warden& warden, std::span<const PluginToLoad> plugins,
                                       support::Deadline deadline) {
  std::vector<ProbeResult> results(plugins.size());
  std::vector<std::unique_ptr<Probe>> probes(plugins.size());
  std::mutex mutex;
  std::condition_variable all_done;
  std::size_t left = plugins.size();
  bool is_out_of_memory = false;
  std::optional<EventLoop::MemoryWatch> memory_watch;
  const auto clean_up = [&] {
    loop.run_sync([&] {
      memory_watch.reset();
      probes.clear();
    });
  };

  const auto start = [&] {
    memory_watch.emplace(loop, [&] {
      const std::lock_guard lock(mutex);
      is_out_of_memory = true;
      all_done.notify_one();
    });
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      probes[i] = std::make_unique<Probe>(loop, warden, plugins[i], deadline, [&, i](ProbeResult result) {
        results[i] = std::move(result);
        const std::lock_guard lock(mutex);
        if (--left == 0) all_done.notify_one();
      });
    }
  };
  try {
    loop.run_sync([&] { start(); });
  } catch (...) {
    clean_up();
    throw;
  }
  {
    // Bounded by the deadline: past it every probe is killed, and its end is told.
    std::unique_lock lock(mutex);
    all_done.wait(lock, [&] { return left == 0 || is_out_of_memory; });
  }
  clean_up();
  if (is_out_of_memory) throw std::bad_alloc();
  return results;
}

}  // namespace bulkhead::process
