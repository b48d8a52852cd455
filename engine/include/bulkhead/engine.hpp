// Bulkhead for programs that embed it: load plugins' catalogues, make pools, run tasks in worker processes.
//
//   auto engine = bulkhead::Engine::from_plugins({"build/math.so"});
//   auto pool = engine.pool({.processes = 4});
//   std::int64_t five = pool.apply<std::int64_t>("math.add", 2, 3);
//
// Safe to embed: no signal handler, no use of SIGCHLD, no wait for children it did not start, nothing on stdout, no
// plugin code in this process (but in pools of threads). Several engines may live side by side.
#pragma once

#include <bulkhead/as_completed.hpp>
#include <bulkhead/catalog.hpp>
#include <bulkhead/error.hpp>
#include <bulkhead/init_args.hpp>
#include <bulkhead/manifest.hpp>
#include <bulkhead/options.hpp>
#include <bulkhead/pool.hpp>
#include <bulkhead/types.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

namespace bulkhead {

namespace detail {
class EngineCore;
}

// Ownership: movable handle. Pools and results keep what they need alive after the engine is gone.
// Threads:   const members any; making pools: any number at the same time.
class Engine {
 public:
  // Reads the manifest and every plugin it names; each plugin is loaded once in a throw-away process to see that it
  // can be. Throws ManifestError, PluginError, ResourceError (no worker program, no processes), UsageError (in a worker
  // of a worker of a worker); nothing is left behind.
  [[nodiscard]] static Engine from_manifest(const std::filesystem::path& manifest, EngineOptions options = {});
  // The same for a manifest that was read, or found, and perhaps changed, by the program.
  [[nodiscard]] static Engine from_manifest(Manifest manifest, EngineOptions options = {});
  // The same for these plugin files, without a manifest.
  [[nodiscard]] static Engine from_plugins(const std::vector<std::filesystem::path>& plugins,
                                           EngineOptions options = {});

  // What was moved from can only be destroyed or assigned to.
  Engine(Engine&&) noexcept;
  // Drops the engine that was here: its pools and results live on.
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  // Starts workers. Returns at once; the first calls wait for the first worker to be ready. Throws UsageError for
  // options that make no sense, ResourceError when memory, descriptors or processes run out.
  [[nodiscard]] Pool pool(PoolOptions options = {});

  // For a host with a loop of its own (EngineOptions::callbacks = Callbacks::kManual). What is to be called back
  // (on_result, on_error, on_progress, coroutines that await a result) is queued, and run here: what is queued at the
  // call, in order, on this thread. Never waits. Returns how many ran. What they throw is logged.
  //
  // From any thread, also from a callback. A thread that waits for a result with a callback runs what is queued too,
  // until that callback has run: the loop's thread may wait for any result, and another thread should not wait for those
  // whose callbacks belong to the loop. Whatever is left when engine, pools and handles are gone is run by the thread
  // that dropped the last of them: each callback runs exactly once.
  // Throws UsageError where the engine's own thread runs callbacks, and in a child after fork().
  std::size_t dispatch();

  // Readable while dispatch() has something to run: for poll, epoll or Boost.Asio's posix::stream_descriptor, level- or
  // edge-triggered. The engine's: it lives as long as the engine, and is not to be read, written or closed (give a dup()
  // to whoever closes what it is given). Throws UsageError as dispatch() does.
  [[nodiscard]] int event_fd() const;

  // Every task, in the order of plugins and of each plugin's list. Reads the catalogue; runs nothing.
  [[nodiscard]] std::vector<CatalogEntry> tasks() const;

 private:
  explicit Engine(std::shared_ptr<detail::EngineCore> core);
  std::shared_ptr<detail::EngineCore> core_;
};

}  // namespace bulkhead
