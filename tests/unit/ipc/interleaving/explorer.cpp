#include "explorer.hpp"

#include <ucontext.h>

#include <algorithm>
#include <utility>

namespace bulkhead::ipc::testing {

namespace {
Explorer* current = nullptr;

bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}
}  // namespace

// Two fibers and who resumes them.
struct Explorer::Fibers {
  static constexpr int kExplorer = 2;

  Fibers() : stacks{std::vector<char>(kStackBytes), std::vector<char>(kStackBytes)} {}
  void restart(int thread) {
    ucontext_t& context = contexts[static_cast<std::size_t>(thread)];
    ::getcontext(&context);
    context.uc_stack.ss_sp = stacks[static_cast<std::size_t>(thread)].data();
    context.uc_stack.ss_size = kStackBytes;
    context.uc_link = nullptr;
    ::makecontext(&context, reinterpret_cast<void (*)()>(&Explorer::enter), 1, thread);
  }
  void change(int from, int to) {
    ::swapcontext(&contexts[static_cast<std::size_t>(from)], &contexts[static_cast<std::size_t>(to)]);
  }

  static constexpr std::size_t kStackBytes = 256 * 1024;
  std::array<std::vector<char>, 2> stacks;
  std::array<ucontext_t, 3> contexts{};
};

Explorer::Explorer(std::uint32_t preemptions) : fibers_(std::make_unique<Fibers>()), most_preemptions_(preemptions) {}
Explorer::~Explorer() = default;

Explorer::Result Explorer::explore(const std::function<std::unique_ptr<Scenario>()>& make, std::uint32_t preemptions) {
  Explorer explorer(preemptions);
  Result result;
  do {
    const auto scenario = make();
    current = &explorer;
    explorer.run_once(*scenario);
    current = nullptr;
    ++result.schedules;
    if (explorer.failure_.empty()) continue;
    result.failure = explorer.failure_;
    return result;
  } while (explorer.next_path());
  return result;
}

void Explorer::run_once(Scenario& scenario) {
  scenario_ = &scenario;
  depth_ = 0;
  preemptions_ = 0;
  has_ended_ = {};
  awaited_ = {};
  for (auto& buffer : buffers_) buffer.clear();
  clocks_ = {Clock{1, 0}, Clock{0, 1}};
  fibers_->restart(0);
  fibers_->restart(1);
  running_ = static_cast<int>(choose(2));
  fibers_->change(Fibers::kExplorer, running_);
  if (!failure_.empty()) return;
  flush(0);
  flush(1);
  scenario.check();
}

void Explorer::enter(int thread) {
  current->scenario_->run(thread);
  current->end_thread();
}

// The deepest choice with an option left takes it; those below are forgotten.
bool Explorer::next_path() {
  while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

std::size_t Explorer::choose(std::size_t options) {
  if (depth_ == path_.size()) path_.push_back({0, options});
  return path_[depth_++].taken;
}

bool Explorer::can_run(int thread) const {
  const auto at = static_cast<std::size_t>(thread);
  return !has_ended_[at] && (awaited_[at] == nullptr || (*awaited_[at])());
}

// Before an access: the other thread may come first, and what it has stored may arrive.
void Explorer::point() {
  const int other = 1 - running_;
  if (preemptions_ < most_preemptions_ && can_run(other) && choose(2) == 1) {
    ++preemptions_;
    fibers_->change(std::exchange(running_, other), other);
  }
  let_stores_through();
}

void Explorer::let_stores_through() {
  const auto other = static_cast<std::size_t>(1 - running_);
  while (!buffers_[other].empty() && choose(2) == 1) flush_one(1 - running_);
}

void Explorer::flush_one(int thread) {
  auto& buffer = buffers_[static_cast<std::size_t>(thread)];
  const Store store = buffer.front();
  buffer.pop_front();
  store.word->value = store.value;
  store.word->released = store.released;
}

void Explorer::flush(int thread) {
  while (!buffers_[static_cast<std::size_t>(thread)].empty()) flush_one(thread);
}

// Nobody runs: one store arrives. False: there is none.
bool Explorer::let_time_pass() {
  if (buffers_[0].empty() && buffers_[1].empty()) return false;
  flush_one(buffers_[0].empty() || (!buffers_[1].empty() && choose(2) == 1) ? 1 : 0);
  return true;
}

void Explorer::await(const std::function<bool()>& condition) { current->wait(condition); }

void Explorer::wait(const std::function<bool()>& condition) {
  const auto self = static_cast<std::size_t>(running_);
  const int other = 1 - running_;
  while (!condition()) {
    awaited_[self] = &condition;
    if (can_run(other)) {
      fibers_->change(std::exchange(running_, other), other);
    } else if (!let_time_pass()) {
      fail("thread " + std::to_string(self) + " waits for ever");
    }
  }
  awaited_[self] = nullptr;
}

void Explorer::end_thread() {
  has_ended_[static_cast<std::size_t>(running_)] = true;
  const int other = 1 - running_;
  if (has_ended_[static_cast<std::size_t>(other)]) {
    fibers_->change(running_, Fibers::kExplorer);
  }
  while (!can_run(other)) {
    if (!let_time_pass()) fail("thread " + std::to_string(other) + " waits for ever");
  }
  fibers_->change(std::exchange(running_, other), other);
}

// Does not come back when the threads run: their stacks are given up.
void Explorer::fail(const std::string& why) {
  if (current->failure_.empty()) current->failure_ = why;
  const bool is_running = !current->has_ended_[0] || !current->has_ended_[1];
  if (is_running) current->fibers_->change(current->running_, Fibers::kExplorer);
}

void Explorer::note_write(Shadow& data) {
  const auto self = static_cast<std::size_t>(current->running_);
  const std::size_t other = 1 - self;
  Clock& seen = current->clocks_[self];
  if (data.written[other] > seen[other]) fail("both write the same bytes");
  if (data.read[other] > seen[other]) fail("bytes are overwritten while they may be read");
  data.written[self] = seen[self];
}

void Explorer::note_read(Shadow& data) {
  const auto self = static_cast<std::size_t>(current->running_);
  const std::size_t other = 1 - self;
  Clock& seen = current->clocks_[self];
  if (data.written[other] > seen[other]) fail("bytes are read before they are there");
  data.read[self] = seen[self];
}

void Explorer::acquire(const Word& word) {
  Clock& seen = clocks_[static_cast<std::size_t>(running_)];
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = std::max(seen[i], word.released[i]);
}

Clock Explorer::release_clock(std::memory_order order) {
  if (!releases(order)) return {};
  const auto self = static_cast<std::size_t>(running_);
  const Clock released = clocks_[self];
  ++clocks_[self][self];
  return released;
}

// Outside of a run (a scenario that is being made, or checked) memory is plain.
std::uint64_t Explorer::load(const Word& word, std::memory_order order) {
  if (current == nullptr || (current->has_ended_[0] && current->has_ended_[1])) return word.value;
  current->point();
  const auto& own = current->buffers_[static_cast<std::size_t>(current->running_)];
  const auto newest = std::find_if(own.rbegin(), own.rend(), [&](const Store& store) { return store.word == &word; });
  if (newest != own.rend()) return newest->value;
  if (acquires(word.strongest_load) && acquires(order)) current->acquire(word);
  return word.value;
}

void Explorer::store(Word& word, std::uint64_t value, std::memory_order order) {
  if (current == nullptr) {
    word.value = value;
    return;
  }
  current->point();
  if (order == std::memory_order_seq_cst || word.strongest_store == std::memory_order_relaxed) {
    order = word.strongest_store;
  }
  const Clock released = current->release_clock(order);
  current->buffers_[static_cast<std::size_t>(current->running_)].push_back({&word, value, released});
  if (order == std::memory_order_seq_cst) current->flush(current->running_);
}

bool Explorer::exchange(Word& word, std::uint64_t& expected, std::uint64_t desired) {
  if (current != nullptr && word.swap == Word::Swap::kLoadAndStore) {
    const std::uint64_t seen = load(word, std::memory_order_acquire);
    const bool is_equal = seen == expected;
    expected = seen;
    if (is_equal) store(word, desired, std::memory_order_release);
    return is_equal;
  }
  if (current != nullptr) {
    current->point();
    current->flush(current->running_);  // as the lock prefix does
    current->acquire(word);
  }
  const bool is_equal = word.value == expected;
  expected = word.value;
  if (!is_equal) return false;
  word.value = desired;
  if (current != nullptr) word.released = current->release_clock(std::memory_order_acq_rel);
  return true;
}

}  // namespace bulkhead::ipc::testing
