#include "pool/shared_arrays.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "pool/scheduler.hpp"

namespace bulkhead::pool {

void SharedArrays::close() {
  const std::lock_guard lock(mutex_);
  host_ = nullptr;
}

std::unique_ptr<sdk::SharedRefs> SharedArrays::distinct(const sdk::SharedRefs& refs) {
  auto each = std::make_unique<sdk::SharedRefs>(refs);
  const auto key = [](const sdk::SharedRef& ref) { return std::pair(ref.id, ref.is_writable); };
  std::sort(each->begin(), each->end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto same = [&](const auto& a, const auto& b) { return key(a) == key(b); };
  each->erase(std::unique(each->begin(), each->end(), same), each->end());
  each->shrink_to_fit();
  return each;
}

void SharedArrays::watch(sdk::SharedMemory& memory) {
  {
    const std::lock_guard lock(mutex_);
    if (!watched_.insert(memory.id()).second) return;
  }
  try {
    memory.watch(weak_from_this());
  } catch (...) {
    const std::lock_guard lock(mutex_);
    watched_.erase(memory.id());
    throw;
  }
}

void SharedArrays::let_go(std::unique_ptr<sdk::SharedRefs> refs) noexcept {
  // Somebody else has them, mostly.
  std::erase_if(*refs, [](const sdk::SharedRef& ref) { return ref.memory.use_count() > 1; });
  if (refs->empty()) return;
  try {
    const std::lock_guard lock(mutex_);
    if (host_ == nullptr) return;
    let_go_.push_back(std::move(refs));
    host_->arrays_gone();
  } catch (const std::bad_alloc&) {  // then it takes its time here
  }
}

std::vector<std::uint64_t> SharedArrays::take_gone() {
  std::vector<std::unique_ptr<sdk::SharedRefs>> buried;
  {
    const std::lock_guard lock(mutex_);
    buried.swap(let_go_);
  }
  buried.clear();  // comes to memory_gone()
  const std::lock_guard lock(mutex_);
  return std::exchange(gone_, {});
}

void SharedArrays::memory_gone(std::uint64_t id) noexcept {
  if (support::fork_epoch() != fork_epoch_) return;  // a copy's view ended, in a child of the host
  try {
    const std::lock_guard lock(mutex_);
    watched_.erase(id);
    if (host_ == nullptr) return;
    gone_.push_back(id);
    if (gone_.size() == 1) host_->arrays_gone();
  } catch (const std::bad_alloc&) {  // then workers keep it until they end
  }
}

}  // namespace bulkhead::pool
