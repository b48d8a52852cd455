#include "worker/signal_state.hpp"

#include <cstring>
#include <ctime>

namespace bulkhead::worker {

namespace {

// SA_RESTORER, which glibc sets by itself and has no name for.
constexpr int kRestorer = 0x04000000;

bool are_same(const struct sigaction& one, const struct sigaction& other) noexcept {
  return one.sa_sigaction == other.sa_sigaction && (one.sa_flags & ~kRestorer) == (other.sa_flags & ~kRestorer) &&
         std::memcmp(&one.sa_mask, &other.sa_mask, sizeof one.sa_mask) == 0;
}

bool are_same(const stack_t& one, const stack_t& other) noexcept {
  constexpr int kState = SS_ONSTACK;  // not a setting
  return one.ss_sp == other.ss_sp && one.ss_size == other.ss_size &&
         (one.ss_flags & ~kState) == (other.ss_flags & ~kState);
}

bool are_same(const timeval& one, const timeval& other) noexcept {
  return one.tv_sec == other.tv_sec && one.tv_usec == other.tv_usec;
}

bool is_running(const itimerval& timer) noexcept { return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0; }

// The signals that came while `blocked` held them back, and `wanted` would not have.
void drop_pending(const sigset_t& blocked, const sigset_t& wanted) noexcept {
  sigset_t pending;
  if (::sigpending(&pending) != 0) return;
  sigset_t dropped;
  ::sigemptyset(&dropped);
  bool has_some = false;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (::sigismember(&pending, signal) != 1 || ::sigismember(&blocked, signal) != 1) continue;
    if (::sigismember(&wanted, signal) == 1) continue;
    if (signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT) continue;
    ::sigaddset(&dropped, signal);
    has_some = true;
  }
  constexpr timespec kNow{};
  while (has_some && ::sigtimedwait(&dropped, nullptr, &kNow) > 0) {
  }
}

}  // namespace

SignalState::SignalState() noexcept {
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
  ::sigaltstack(nullptr, &stack_);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    const auto at = static_cast<std::size_t>(signal);
    has_action_[at] = ::sigaction(signal, nullptr, &actions_[at]) == 0;
  }
  for (std::size_t i = 0; i < kTimers.size(); ++i) ::getitimer(kTimers[i], &timers_[i]);
}

void SignalState::put_back() const noexcept {
  put_timers_back();
  put_actions_back();
  put_mask_back();
}

// One that ran is left alone, unless it repeats at another pace.
void SignalState::put_timers_back() const noexcept {
  for (std::size_t i = 0; i < kTimers.size(); ++i) {
    itimerval now{};
    if (::getitimer(kTimers[i], &now) != 0) continue;
    const itimerval& before = timers_[i];
    const bool is_changed = !are_same(now.it_interval, before.it_interval) || (is_running(now) && !is_running(before));
    if (!is_changed) continue;
    const itimerval again{.it_interval = before.it_interval, .it_value = before.it_interval};
    ::setitimer(kTimers[i], &again, nullptr);
  }
}

void SignalState::put_actions_back() const noexcept {
  for (int signal = 1; signal < NSIG; ++signal) {
    const auto at = static_cast<std::size_t>(signal);
    if (!has_action_[at]) continue;
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) != 0 || are_same(now, actions_[at])) continue;
    ::sigaction(signal, &actions_[at], nullptr);
  }
  stack_t now{};
  if (::sigaltstack(nullptr, &now) == 0 && !are_same(now, stack_)) ::sigaltstack(&stack_, nullptr);
}

void SignalState::put_mask_back() const noexcept {
  sigset_t now;
  ::sigemptyset(&now);
  if (::pthread_sigmask(SIG_SETMASK, nullptr, &now) != 0 || std::memcmp(&now, &mask_, sizeof now) == 0) return;
  drop_pending(now, mask_);
  ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
}

}  // namespace bulkhead::worker
