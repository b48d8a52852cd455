#include "ipc/host_channel.hpp"

#include <algorithm>

namespace bulkhead::ipc {

HostChannel::HostChannel(ChannelSizes sizes, const std::string& doorbell_name)
    : sizes_(sizes),
      memory_(ChannelMemory::create(sizes)),
      doorbell_(WorkerDoorbell::create(doorbell_name)),
      requests_(memory_.host().request_tail, memory_.worker().request_head, memory_.request_data()),
      claims_(memory_.worker().claims),
      worker_park_(memory_.worker().park),
      offered_(std::make_unique<Offered[]>(kClaims)),
      responses_(memory_.host().response_head, memory_.worker().response_tail, memory_.response_data()) {}

HostChannel HostChannel::create(ChannelSizes sizes, const std::string& doorbell_name) { return {sizes, doorbell_name}; }

HostChannel::Status HostChannel::status() const noexcept {
  const WorkerArea& area = memory_.worker();
  Status status;
  // acquire: pairs with set_status(): the phase comes with its task, or a later one.
  const std::uint64_t phase = area.status_phase.load(std::memory_order_acquire);
  status.phase = static_cast<std::uint8_t>(std::min<std::uint64_t>(phase, 255));
  // relaxed: see set_status().
  status.task_id = area.status_task_id.load(std::memory_order_relaxed);
  status.item = area.status_item.load(std::memory_order_relaxed);
  status.started_ns = area.status_started.load(std::memory_order_relaxed);
  const std::uint64_t task = area.status_task.load(std::memory_order_relaxed);
  status.task = static_cast<std::uint32_t>(task);
  status.attempt = static_cast<std::uint32_t>(task >> 32);
  status.worker_parked = worker_is_parked();
  return status;
}

HostChannel::Run HostChannel::unpublished_run(std::uint64_t task_id, std::uint32_t result_bytes) const noexcept {
  const WorkerArea& area = memory_.worker();
  if (area.status_task_id.load(std::memory_order_relaxed) != task_id) return {};  // relaxed: its process has ended
  const std::uint64_t first = area.status_run_first.load(std::memory_order_relaxed);
  const std::uint64_t running = area.status_item.load(std::memory_order_relaxed);
  const std::uint64_t offset = area.status_run_offset.load(std::memory_order_relaxed);
  const auto data = memory_.response_data();
  if (first == kNoRun || running <= first || offset > data.size()) return {};
  if (result_bytes == 0 || running - first > (data.size() - offset) / result_bytes) return {};
  return {first, data.subspan(offset, (running - first) * result_bytes)};
}

}  // namespace bulkhead::ipc
