#include <utility>

#include "process/thread_worker.hpp"
#include "process/worker.hpp"
#include "process/worker_process.hpp"

namespace bulkhead::process {

std::unique_ptr<Worker> make_worker(EventLoop& loop, Warden& warden, support::Log& log,
                                    std::shared_ptr<const WorkerConfig> config, std::uint32_t slot,
                                    std::uint64_t generation, Worker::Listener& listener,
                                    std::shared_ptr<Template> from) {
  if (config->start_method == StartMethod::kThread) {
    return std::make_unique<ThreadWorker>(loop, warden, log, std::move(config), slot, generation, listener);
  }
  return std::make_unique<WorkerProcess>(loop, warden, log, std::move(config), slot, generation, listener,
                                         std::move(from));
}

}  // namespace bulkhead::process
