// Restart intensity: how often workers may fail to get ready before something is given up, one plugin or all of them.
//
// A failed start is the fault of the plugin that the worker was loading or initialising, or of none in particular. Five
// in a row for the same reason open that plugin's circuit: workers are started without it. (Supervisors of Erlang/OTP
// call this restart intensity; "circuit breaker" is Nygard's.) With no plugin left, or when it is none's fault, the pool
// is given up.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bulkhead::pool {

enum class StartFault : std::uint8_t {
  kFailed,
  kKilled,  // from outside (by a person, a test, the kernel for memory): says little, but must not go on for ever
  kLate,    // it was not ready in time
  kCutOff,  // nobody could be asked for it, and that took all its time
};

class PluginCircuits {
 public:
  struct Step {
    enum class What : std::uint8_t {
      kRetry,        // after `pause`
      kOpenCircuit,  // of `plugin`, with `text`; then retry
      kGiveUp,       // with `text`
    };
    What what = What::kRetry;
    std::chrono::nanoseconds pause{};
    std::size_t plugin = 0;
    std::string text;
  };

  explicit PluginCircuits(std::vector<std::string> plugins);

  // `plugin`: whose fault it was; nullopt: none's. `cause`: the sentence.
  [[nodiscard]] Step note_failed_start(std::optional<std::size_t> plugin, const std::string& cause, StartFault fault);
  // Of a worker that crashed without a task: whether it was of any use.
  enum class Use : std::uint8_t {
    kNone,     // it was given work and began none, while no other worker finished any
    kUnasked,  // it was given none, which says nothing
    kSome,
  };
  // A worker crashed by itself, without a task, as soon as it was ready. Nobody's crashes are paused, and given up only
  // where twenty were of no use, and none of any between them.
  [[nodiscard]] Step note_idle_crash(std::optional<std::size_t> plugin, const std::string& cause, Use use = Use::kSome);
  // A worker got ready; one has lived long enough.
  void note_ready() noexcept;
  void note_steady() noexcept;
  // Closes all circuits and forgets what was.
  void reset();

  [[nodiscard]] bool is_open(std::size_t plugin) const noexcept { return accounts_[plugin].is_open; }

 private:
  struct Account {
    std::string name;
    std::uint32_t failures = 0;
    std::uint32_t spent = 0;  // of the budget
    std::uint32_t idle_crashes = 0;
    std::string first_cause;
    bool is_open = false;
  };
  [[nodiscard]] std::uint32_t cost_of(StartFault fault) const noexcept;
  [[nodiscard]] Account& account_of(std::optional<std::size_t> plugin);
  [[nodiscard]] Step open(Account& account, const char* what_failed, std::uint32_t times);

  std::vector<Account> accounts_;  // of the plugins, then of none in particular
  bool was_ever_ready_ = false;
  std::uint32_t useless_ = 0;  // in a row
};

}  // namespace bulkhead::pool
