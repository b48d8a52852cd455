#include "ipc/pool_bells.hpp"

#include <new>
#include <utility>

#include "ipc/channel_layout.hpp"

namespace bulkhead::ipc {

namespace {
std::atomic<std::uint64_t>& park_word(const SharedSegment& page) {
  return std::launder(reinterpret_cast<PoolPage*>(page.bytes().data()))->park;
}
}  // namespace

PoolBells::PoolBells(SharedSegment page)
    : page_(std::move(page)), park_(park_word(page_)), leader_(HostBell::create()), pump_(HostBell::create()) {}

PoolBells PoolBells::create() {
  auto page = SharedSegment::create("bulkhead-pool", kPageBytes, Seal::kHostWritesOnly);
  new (page.bytes().data()) PoolPage{};
  return PoolBells(std::move(page));
}

}  // namespace bulkhead::ipc
