#include "worker/shared_views.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

#include "ipc/shared_segment.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::worker {

struct SharedViews::View {
  View(ipc::SharedSegment mapped, std::uint64_t size, bool writable)
      : segment(std::move(mapped)), bytes(size), is_writable(writable) {}

  static void release(View* view) noexcept {
    // acq_rel: whoever unmaps must see what the others did there.
    if (view != nullptr && view->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete view;
  }

  const ipc::SharedSegment segment;
  const std::uint64_t bytes;
  const bool is_writable;
  std::atomic<std::uint32_t> refs{1};  // the table's
};

SharedViews::~SharedViews() {
  for (const auto& [id, views] : views_) {
    View::release(views.reading);
    View::release(views.writing);
  }
}

void SharedViews::add(std::uint64_t id, support::UniqueFd fd, std::uint64_t bytes, bool is_writable) {
  BULKHEAD_FAULT_POINT("shared.add");
  Views& views = views_[id];
  View*& view = is_writable ? views.writing : views.reading;
  if (view != nullptr) return;
  // Forked children may have it: unlike rings and blocks it is the task's own, to share with whom it starts.
  auto segment = ipc::SharedSegment::attach(
      std::move(fd), bytes, is_writable ? ipc::Access::kReadWrite : ipc::Access::kReadOnly, ipc::OnFork::kInherit);
  view = std::make_unique<View>(std::move(segment), bytes, is_writable).release();
}

bool SharedViews::open(std::uint64_t id, bool is_writable, bulkhead_shared& out) const noexcept {
  const auto found = views_.find(id);
  if (found == views_.end()) return false;
  View* const view = is_writable ? found->second.writing : found->second.reading;
  if (view == nullptr) return false;
  view->refs.fetch_add(1, std::memory_order_relaxed);  // relaxed: the table holds one
  bulkhead_shared filled{};
  filled.size = out.size;
  filled.is_writable = is_writable ? 1 : 0;
  filled.address = view->segment.bytes().data();
  filled.bytes = view->bytes;
  filled.handle = view;
  filled.release = [](void* handle) { View::release(static_cast<View*>(handle)); };
  filled.fd = view->segment.fd();
  // The plugin's struct may be another minor's.
  std::memcpy(&out, &filled, std::min<std::size_t>(out.size, sizeof filled));
  return true;
}

void SharedViews::drop(std::uint64_t id) noexcept {
  BULKHEAD_FAULT_POINT("shared.drop");
  const auto found = views_.find(id);
  if (found == views_.end()) return;
  const Views views = found->second;
  views_.erase(found);
  View::release(views.reading);
  View::release(views.writing);
}

}  // namespace bulkhead::worker
