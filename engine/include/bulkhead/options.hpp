// What can be said about an engine, a pool, a call and a map.
//
// Every field is optional: one that is not set is asked of the manifest, then of the plugin, then has the default told
// here. Fields are in a fixed order, so that designated initialisers go on compiling; new ones come at the end.
#pragma once

#include <bulkhead/error.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

// How workers come to be, with multiprocessing's names.
enum class StartMethod : std::uint8_t {
  kForkserver,  // forked from a small process that never ran plugin code: fast, and the default
  kSpawn,       // a fresh executable each time
};

struct EngineOptions {
  // The worker program. Default: $BULKHEAD_WORKER, the place compiled in, beside the library, beside the executable.
  std::optional<std::filesystem::path> worker_program = {};
  // Folders searched for plugins that the manifest names without a path, after $BULKHEAD_PLUGIN_PATH.
  std::vector<std::filesystem::path> plugin_dirs = {};
  // Receives the engine's own log lines (level: spdlog's numbers, 0 trace … 5 critical). Called from any thread; must
  // not call the engine. Default: stderr, from level $BULKHEAD_LOG on ("warning" when unset).
  std::function<void(int level, std::string_view text)> on_log = {};
};

struct PoolOptions {
  // Workers. Default: the CPUs this process may use. Zero or less is a UsageError.
  std::optional<int> processes = {};
  std::optional<StartMethod> start_method = {};
  // How long a worker may take to load its plugins and run their initialisers. Default: 30 s.
  std::optional<std::chrono::nanoseconds> init_timeout = {};
  // Bytes of each of a worker's two rings, a power of two from 64 KiB. Default: 1 MiB. Larger payloads travel in
  // blocks of their own.
  std::optional<std::uint32_t> ring_bytes = {};
};

namespace detail {
template <class R>
struct ResultCallback {
  using type = std::function<void(const R&)>;
};
template <>
struct ResultCallback<void> {
  using type = std::function<void()>;
};
}  // namespace detail

// Options of one call whose result is an R.
//
// Exactly one of on_result and on_error is called, once, on the engine's callback thread, before wait() on this result
// returns (multiprocessing's order). What they throw is logged and goes no further. They may use the pool, but must
// not wait for the very result they were called for.
template <class R>
struct CallOptions {
  typename detail::ResultCallback<R>::type on_result = {};
  std::function<void(const Error&)> on_error = {};
};

// What map() makes of R: a vector, or nothing.
template <class R>
struct MapOf {
  using type = std::vector<R>;
};
template <>
struct MapOf<void> {
  using type = void;
};
template <class R>
using map_result_t = typename MapOf<R>::type;

// Options of map and its family. on_result gets the whole vector, once; on_error the first error.
template <class R>
struct MapOptions {
  // Items that travel together. Default: multiprocessing's, a quarter of an even share for each worker (imap: 1).
  // A chunk is transport only: each item has a verdict of its own. Zero or less is a UsageError.
  std::optional<int> chunk_size = {};
  typename detail::ResultCallback<map_result_t<R>>::type on_result = {};
  std::function<void(const Error&)> on_error = {};
};

// How a cancel() goes about it.
enum class CancelMode : std::uint8_t {
  kCooperative,  // what has not started never will; what runs is left alone
};

// What became of a task that was cancelled.
enum class CancelOutcome : std::uint8_t {
  kNeverRan,       // it was taken back before any worker began it; its verdict is TaskCancelled
  kFinishedFirst,  // it already has another verdict
  kStillRunning,   // a worker is running it; it goes on
};

}  // namespace bulkhead
