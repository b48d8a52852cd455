// Us, in the form of a peer.
#pragma once

#include <bulkhead/engine.hpp>

#include "peers/peer.hpp"

namespace bulkhead::bench {

// An engine with the benchmark's own plugin (and more, if named), quiet about workers that are killed on purpose.
[[nodiscard]] Engine make_engine(std::vector<std::filesystem::path> more_plugins = {});
// Where the benchmark's plugins are.
[[nodiscard]] std::filesystem::path plugin_folder();

[[nodiscard]] std::vector<pid_t> worker_pids(const Pool& pool);
// Waits until all its workers are ready: a call runs as soon as one is. Throws when it takes long
// beyond reason.
void wait_until_ready(const Pool& pool, std::size_t workers);

class BulkheadPool final : public Peer {
 public:
  explicit BulkheadPool(int workers);

  std::int64_t call(std::int64_t x) override { return pool_.apply<std::int64_t>("bench.square", x); }
  std::uint64_t call_ahead(std::int64_t count) override;
  [[nodiscard]] std::vector<pid_t> processes() const override { return worker_pids(pool_); }
  [[nodiscard]] Pool& pool() noexcept { return pool_; }

 private:
  Engine engine_;
  Pool pool_;
};

}  // namespace bulkhead::bench
