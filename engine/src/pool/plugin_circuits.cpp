#include "pool/plugin_circuits.hpp"

#include <algorithm>
#include <utility>

#include "support/in_quotes.hpp"

namespace bulkhead::pool {

namespace {

constexpr std::uint32_t kBudget = 20;
constexpr std::uint32_t kFailureCost = 4;  // five starts
constexpr std::uint32_t kKilledCost = 1;
constexpr std::uint32_t kCutOffCost = 10;  // two starts, each of which took the ten seconds of a handshake
constexpr std::uint32_t kMostIdleCrashes = 6;
constexpr std::uint32_t kMostWithoutPlugin = 1;  // 20 ms
constexpr std::chrono::nanoseconds kFirstRestart = std::chrono::milliseconds(10);

}  // namespace

PluginCircuits::PluginCircuits(std::vector<std::string> plugins) {
  for (auto& name : plugins) accounts_.push_back({.name = std::move(name)});
  accounts_.emplace_back();
}

PluginCircuits::Account& PluginCircuits::account_of(std::optional<std::size_t> plugin) {
  return plugin && *plugin + 1 < accounts_.size() ? accounts_[*plugin] : accounts_.back();
}

PluginCircuits::Step PluginCircuits::note_failed_start(std::optional<std::size_t> plugin, const std::string& cause,
                                                       StartFault fault) {
  Account& account = account_of(plugin);
  if (account.first_cause.empty()) account.first_cause = cause;
  ++account.failures;
  account.spent += cost_of(fault);
  if (account.spent >= kBudget) return open(account, "get ready", account.failures);
  return {.pause = kFirstRestart * (1u << (account.spent / kFailureCost))};
}

std::uint32_t PluginCircuits::cost_of(StartFault fault) const noexcept {
  // Where nothing was ever ready in time, trying again only doubles the wait.
  const auto after_long_wait = [this](std::uint32_t cost) { return was_ever_ready_ ? cost : kBudget; };
  switch (fault) {
    case StartFault::kKilled:
      return kKilledCost;
    case StartFault::kLate:
      return after_long_wait(kFailureCost);
    case StartFault::kCutOff:
      return after_long_wait(kCutOffCost);
    case StartFault::kFailed:
      break;
  }
  return kFailureCost;
}

PluginCircuits::Step PluginCircuits::note_idle_crash(std::optional<std::size_t> plugin, const std::string& cause,
                                                     Use use) {
  Account& account = account_of(plugin);
  if (account.first_cause.empty()) account.first_cause = cause;
  account.idle_crashes = std::min(account.idle_crashes + 1, kMostIdleCrashes);
  if (&account != &accounts_.back() && account.idle_crashes == kMostIdleCrashes) {
    return open(account, "stay alive without a task", kMostIdleCrashes);
  }
  if (use != Use::kUnasked) useless_ = use == Use::kNone ? useless_ + 1 : 0;
  if (useless_ >= kBudget) {
    return {.what = Step::What::kGiveUp,
            .text = std::to_string(useless_) +
                    " workers in a row died before they began what they were given; the first one: " +
                    accounts_.back().first_cause};
  }
  // The first costs nothing: it may be the only one.
  if (account.idle_crashes == 1) return {};
  // Whom no plugin killed, somebody outside did: the pool is to be whole again soon, whatever it cost.
  const std::uint32_t doublings =
      &account == &accounts_.back() ? std::min(account.idle_crashes, kMostWithoutPlugin) : account.idle_crashes;
  return {.pause = kFirstRestart * (1u << doublings)};
}

PluginCircuits::Step PluginCircuits::open(Account& account, const char* what_failed, std::uint32_t times) {
  const std::string count = std::to_string(times);
  const std::string& cause = account.first_cause;
  account.is_open = true;
  const bool is_last =
      std::all_of(accounts_.begin(), accounts_.end() - 1, [](const Account& one) { return one.is_open; });
  if (&account == &accounts_.back() || is_last) {
    return {.what = Step::What::kGiveUp,
            .text = "no worker can be started (" + count + " failed in a row); the first one: " + cause};
  }
  return {.what = Step::What::kOpenCircuit,
          .plugin = static_cast<std::size_t>(&account - accounts_.data()),
          .text = "plugin " + support::in_quotes(account.name) + " is not used any more: because of it " + count +
                  (times == 1 ? " worker" : " workers in a row") + " did not " + what_failed +
                  " (mend it, then call revive()); the first one: " + cause};
}

void PluginCircuits::note_ready() noexcept {
  was_ever_ready_ = true;
  for (Account& account : accounts_) {
    account.failures = account.spent = 0;
    if (account.idle_crashes == 0) account.first_cause.clear();
  }
}

void PluginCircuits::note_steady() noexcept {
  useless_ = 0;
  for (Account& account : accounts_) account.idle_crashes = 0;
}

void PluginCircuits::reset() {
  for (Account& account : accounts_) account = {.name = std::move(account.name)};
  was_ever_ready_ = false;
  useless_ = 0;
}

}  // namespace bulkhead::pool
