#include "bulkhead/detail/argument_sink.hpp"

namespace bulkhead::detail {

void ArgumentSink::grow(std::size_t size) {
  const bool is_large = size > backend_->lends_above();
  if ((!is_large && !lent_) || !try_borrow(bytes().size() + size)) grow_own(size);
}

// False: the backend lends no memory for so much.
bool ArgumentSink::try_borrow(std::size_t needed) {
  // Doubled, so that what comes in many pieces is copied a bounded number of times.
  auto larger = backend_->lend(needed, lent_ ? 2 * lent_->bytes().size() : 0);
  if (!larger) return false;
  const auto used = bytes();
  const auto room = larger->bytes();
  if (!used.empty()) std::memcpy(room.data(), used.data(), used.size());
  begin_ = room.data();
  cursor_ = begin_ + used.size();
  end_ = begin_ + room.size();
  lent_ = std::move(larger);
  return true;
}

void ArgumentSink::grow_own(std::size_t size) {
  const auto used = bytes();
  if (lent_ || own_bytes_ - used.size() < size) {
    const std::size_t wanted = std::max({used.size() + size, 2 * own_bytes_, std::size_t{256}});
    // Not value-initialised: every byte below the cursor is written before it is read.
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (!used.empty()) std::memcpy(larger.get(), used.data(), used.size());
    own_ = std::move(larger);
    own_bytes_ = wanted;
    lent_.reset();
  }
  begin_ = own_.get();
  cursor_ = begin_ + used.size();
  // No more room than a small piece may take: what is large comes here.
  end_ = cursor_ + std::min(own_bytes_ - used.size(), std::max(size, backend_->lends_above()));
}

void ArgumentSink::drop_own() {
  own_.reset();
  own_bytes_ = 0;
}

ArgumentSink& ThreadSink::of_this_thread() {
  thread_local ArgumentSink sink;
  return sink;
}

}  // namespace bulkhead::detail
