// Threads that wait for verdicts.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "pool/completion.hpp"

namespace bulkhead::pool {

struct Waiter;

// One completion that a waiter waits for. Lives with the waiter; guarded by the scheduler's mutex.
struct WaitNode {
  WaitNode(Waiter& node_waiter, detail::Completion& awaited, std::size_t node_tag = 0) noexcept
      : waiter(&node_waiter), completion(&awaited), tag(node_tag) {}
  Waiter* waiter;
  detail::Completion* completion;
  std::size_t tag;  // the waiter's own
  // In the completion's list, then among the waiter's `done`.
  WaitNode* next = nullptr;
  bool is_listed = false;  // in the completion's list
};

// A thread that waits: for one completion, for any of several, or for whatever else the scheduler tells it with
// satisfy(). Lives on the waiting thread's stack, or in its CompletionQueue. Guarded by the scheduler's mutex.
struct Waiter {
  std::condition_variable woken;
  // What it waits for has come. Set under the lock; a spinning leader reads it without.
  std::atomic<bool> is_satisfied{false};
  // It runs callbacks that are queued, should a completion of its wait for one of them: complete() tells it so. relaxed:
  // set before a node of that scheduler is listed, and read through the node, both under its lock.
  std::atomic<bool> runs_callbacks{false};
  // Its completions belong to several schedulers: it leads none of them, and this mutex guards what is above and below.
  std::mutex* outside = nullptr;
  // Nodes whose completion has its verdict, in the order of the verdicts.
  WaitNode* done = nullptr;
  WaitNode** done_end = &done;
  // In the list of all waiters of the scheduler.
  Waiter* next = nullptr;
  Waiter* previous = nullptr;

  void push_done(WaitNode& node) noexcept {
    node.next = nullptr;
    *done_end = &node;
    done_end = &node.next;
  }
  // Requires: there is one.
  [[nodiscard]] WaitNode& pop_done() noexcept {
    WaitNode& node = *done;
    done = node.next;
    if (done == nullptr) done_end = &done;
    return node;
  }
};

// This thread woke a worker: its next wait parks at once. The kernel likes to wake a sleeper on the ringer's CPU, and
// a host that spun on there made a parked call 50 times slower.
void note_doorbell_rung() noexcept;
[[nodiscard]] bool take_doorbell_rung() noexcept;

}  // namespace bulkhead::pool
