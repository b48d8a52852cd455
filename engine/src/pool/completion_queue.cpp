// Waiting for any of several completions, of one pool or of many.
//
// Of one pool: the waiting thread takes part in its leader protocol, like a thread that waits for one result. Of
// several: it can lead none of them, so it sleeps on a mutex of its own, and the pools are told that somebody must hear
// of these results though nobody leads (as for callbacks), until they are there.

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "bulkhead/detail/completion.hpp"
#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::detail {

struct CompletionQueue::State {
  struct Entry : pool::WaitNode {
    using WaitNode::WaitNode;
    bool is_open = true;  // not given out yet: its completion lives
  };

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (Entry& entry : entries) {
      if (!entry.is_open) continue;
      pool::Scheduler& its_scheduler = *entry.completion->scheduler;
      if (!its_scheduler.is_forked_copy()) its_scheduler.unwatch(entry);
    }
  }

  void watch(Completion& completion, std::size_t tag) {
    Entry* entry = nullptr;
    if (closed.empty()) {
      entry = &entries.emplace_back(waiter, completion, tag);
    } else {
      entry = closed.back();
      closed.pop_back();
      *entry = Entry(waiter, completion, tag);
    }
    ++open;
    completion.scheduler->watch(*entry);
  }

  [[nodiscard]] pool::WaitNode* next_done(std::chrono::steady_clock::time_point until) {
    if (waiter.outside == nullptr) return scheduler->next_done(waiter, until);
    std::unique_lock lock(mutex);
    const auto has_one = [this] { return waiter.done != nullptr; };
    if (until == std::chrono::steady_clock::time_point::max()) {
      waiter.woken.wait(lock, has_one);
    } else if (!waiter.woken.wait_until(lock, until, has_one)) {
      return nullptr;
    }
    return &waiter.pop_done();
  }

  void close(pool::WaitNode& node) {
    auto& entry = static_cast<Entry&>(node);
    entry.is_open = false;
    closed.push_back(&entry);
    --open;
  }

  pool::Scheduler* scheduler = nullptr;  // of all, where there is only one
  std::mutex mutex;                      // the waiter's, where there are several
  pool::Waiter waiter;
  std::deque<Entry> entries;  // never move
  std::vector<Entry*> closed;
  std::size_t open = 0;
};

CompletionQueue::CompletionQueue(std::span<Completion* const> first) : state_(std::make_unique<State>()) {
  const auto belongs_elsewhere = [&](const Completion* one) { return one->scheduler != first.front()->scheduler; };
  if (std::any_of(first.begin(), first.end(), belongs_elsewhere)) state_->waiter.outside = &state_->mutex;
  for (std::size_t i = 0; i < first.size(); ++i) add(*first[i], i);
}

CompletionQueue::CompletionQueue(CompletionQueue&&) noexcept = default;
CompletionQueue& CompletionQueue::operator=(CompletionQueue&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

CompletionQueue::~CompletionQueue() = default;

void CompletionQueue::add(Completion& completion, std::size_t tag) {
  state_->scheduler = completion.scheduler;
  state_->watch(completion, tag);
}

std::size_t CompletionQueue::size() const noexcept { return state_->open; }

std::optional<std::size_t> CompletionQueue::next(std::chrono::steady_clock::time_point until) {
  while (state_->open > 0) {
    pool::WaitNode* node = state_->next_done(until);
    if (node == nullptr) return std::nullopt;
    if (is_done(*node->completion)) {
      state_->close(*node);
      return node->tag;
    }
    // Its verdict waits for a callback that nobody else may run.
    pool::Scheduler& scheduler = *node->completion->scheduler;
    scheduler.run_callback();
    scheduler.watch(*node);
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
  }
  return std::nullopt;
}

std::size_t wait_any(std::span<Completion* const> completions, std::chrono::steady_clock::time_point until) {
  const auto done =
      std::find_if(completions.begin(), completions.end(), [](const Completion* one) { return is_done(*one); });
  if (done != completions.end()) return static_cast<std::size_t>(done - completions.begin());
  return CompletionQueue(completions).next(until).value_or(completions.size());
}

}  // namespace bulkhead::detail
