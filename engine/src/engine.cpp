#include "bulkhead/engine.hpp"

#include <optional>
#include <string>
#include <utility>

#include "bulkhead/manifest.hpp"
#include "ipc/spin.hpp"
#include "plugin/catalogue.hpp"
#include "plugin/loader.hpp"
#include "plugin/manifest_names.hpp"
#include "plugin/manifest_support.hpp"
#include "plugin/plugin_file.hpp"
#include "plugin/plugin_search.hpp"
#include "pool/local_backend.hpp"
#include "pool/task_directory.hpp"
#include "process/plugin_probe.hpp"
#include "process/worker_program.hpp"
#include "support/fork_epoch.hpp"

namespace bulkhead {

namespace detail {

// The parts of one engine. Pools share it.
class EngineCore {
 public:
  EngineCore(std::vector<plugin::PluginFile> files, std::vector<std::string> configs, Manifest manifest,
             const EngineOptions& options)
      : files_(std::move(files)), manifest_(std::move(manifest)) {
    const auto worker_program = process::find_worker_program(options.worker_program);
    services_.log = make_log(options);
    plugin::Catalogue catalogue;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const plugin::PluginFile& file = files_[i];
      catalogue.add(file.entry());
      plugins_.push_back({.name = file.entry().name,
                          .shown_path = file.path(),
                          .fd = file.fd(),
                          .config_json = std::move(configs[i])});
      if (!file.is_private_copy()) {
        services_.log->info("plugin \"" + file.path() +
                            "\" finds libraries beside itself and is loaded from its place: do not overwrite it "
                            "while workers run");
      }
    }
    plugin::check_names(manifest_, catalogue);
    plugin::refuse_unsupported(manifest_);
    services_.loop = std::make_unique<process::EventLoop>(services_.log.get());
    services_.warden = std::make_unique<process::Warden>(*services_.loop, *services_.log, worker_program);
    services_.callbacks = std::make_unique<pool::CallbackExecutor>(services_.log);
    load_once(catalogue);
    directory_ = std::make_shared<const pool::TaskDirectory>(std::move(catalogue));
  }

  [[nodiscard]] Pool make_pool(const PoolOptions& options, std::shared_ptr<EngineCore> self) {
    if (is_forked_copy()) {
      raise<UsageError, std::logic_error>(
          "this engine belongs to the process that made it, not to a child after fork() (make one in the child)");
    }
    pool::LocalBackend::Settings settings;
    settings.workers = worker_count(options);
    settings.start_method = start_method(options);
    settings.ring_bytes = ring_bytes(options);
    if (const auto limit = options.init_timeout ? options.init_timeout : manifest_.init_timeout.value) {
      if (*limit <= std::chrono::nanoseconds::zero()) refuse("init_timeout must be more than zero");
      settings.init_limit = *limit;
    }
    settings.plugins = plugins_;
    return Pool(std::shared_ptr<pool::LocalBackend>(
        new pool::LocalBackend(services_, directory_, std::move(settings), std::move(self)),
        [](pool::LocalBackend* backend) {
          if (!backend->is_forked_copy()) delete backend;
        }));
  }

  [[nodiscard]] bool is_forked_copy() const noexcept { return support::fork_epoch() != fork_epoch_; }

  // In a child after fork() there is nobody to say goodbye to: its parts are only forgotten.
  struct Delete {
    void operator()(EngineCore* core) const noexcept {
      if (!core->is_forked_copy()) delete core;
    }
  };

  [[nodiscard]] std::vector<CatalogEntry> tasks() const { return plugin::catalog_entries(directory_->catalogue()); }

 private:
  static std::shared_ptr<support::Log> make_log(const EngineOptions& options) {
    if (!options.on_log) return std::make_shared<support::Log>(support::log_level_from_environment());
    return std::make_shared<support::Log>(support::LogLevel::kInfo,
                                          [on_log = options.on_log](support::LogLevel level, std::string_view text) {
                                            on_log(static_cast<int>(level), text);
                                          });
  }

  // In throw-away processes, before any worker does: a plugin that cannot be loaded is the caller's error, and what
  // loading tells (the shapes of user types) completes the catalogue.
  void load_once(plugin::Catalogue& catalogue) {
    const auto results = process::probe_plugins(*services_.loop, *services_.warden, plugins_);
    for (std::uint32_t i = 0; i < results.size(); ++i) {
      const process::ProbeResult& result = results[i];
      if (!result.entry) {
        raise<PluginError>(result.error, {.path = plugins_[i].shown_path, .reason = result.reason});
      }
      plugin::check_same(files_[i].entry(), *result.entry);
      catalogue.set_shapes(i, *result.entry);
    }
  }

  [[noreturn]] static void refuse(std::string text) { raise<UsageError, std::invalid_argument>(std::move(text)); }

  [[nodiscard]] std::uint32_t worker_count(const PoolOptions& options) const {
    constexpr int kMost = 4096;
    const std::optional<int> asked = options.processes ? options.processes : manifest_.processes.value;
    if (!asked) return ipc::usable_cpus();
    if (*asked < 1 || *asked > kMost) {
      refuse("a pool needs 1 to " + std::to_string(kMost) + " processes (got " + std::to_string(*asked) + ")");
    }
    return static_cast<std::uint32_t>(*asked);
  }

  [[nodiscard]] process::StartMethod start_method(const PoolOptions& options) const {
    if (options.start_method) {
      return *options.start_method == StartMethod::kSpawn ? process::StartMethod::kSpawn
                                                          : process::StartMethod::kForkserver;
    }
    const bool is_spawn = manifest_.start_method.value == "spawn";  // others were refused
    return is_spawn ? process::StartMethod::kSpawn : process::StartMethod::kForkserver;
  }

  [[nodiscard]] std::uint32_t ring_bytes(const PoolOptions& options) const {
    constexpr std::uint32_t kLeast = 64u << 10;
    constexpr std::uint32_t kMost = 1u << 30;
    const std::uint32_t bytes =
        options.ring_bytes ? *options.ring_bytes : manifest_.ring_bytes.value.value_or(1u << 20);
    if (bytes < kLeast || bytes > kMost || (bytes & (bytes - 1)) != 0) {
      refuse("ring_bytes must be a power of two from 64 KiB to 1 GiB (got " + std::to_string(bytes) + ")");
    }
    return bytes;
  }

  const std::uint32_t fork_epoch_ = support::fork_epoch();
  std::vector<plugin::PluginFile> files_;  // keep the descriptors that workers are sent
  Manifest manifest_;
  std::vector<process::PluginToLoad> plugins_;
  pool::Services services_;
  std::shared_ptr<const pool::TaskDirectory> directory_;
};

namespace {

std::vector<std::filesystem::path> folders_for(const Manifest& manifest, const EngineOptions& options) {
  return plugin::plugin_folders(ManifestSearch::of_this_process().environment, options.plugin_dirs,
                                manifest.plugin_dirs.value.value_or(std::vector<std::string>{}));
}

}  // namespace
}  // namespace detail

Engine::Engine(std::shared_ptr<detail::EngineCore> core) : core_(std::move(core)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::from_manifest(const std::filesystem::path& manifest, EngineOptions options) {
  return from_manifest(read_manifest(manifest), std::move(options));
}

Engine Engine::from_manifest(Manifest manifest, EngineOptions options) {
  const auto folders = detail::folders_for(manifest, options);
  std::vector<plugin::PluginFile> files;
  std::vector<std::string> configs;
  for (const ManifestPlugin& wanted : manifest.plugins) {
    files.push_back(plugin::open_plugin(wanted, folders));
    configs.push_back(wanted.config.value.value_or("{}"));
  }
  return Engine(std::shared_ptr<detail::EngineCore>(
      new detail::EngineCore(std::move(files), std::move(configs), std::move(manifest), options),
      detail::EngineCore::Delete{}));
}

Engine Engine::from_plugins(const std::vector<std::filesystem::path>& plugins, EngineOptions options) {
  std::vector<plugin::PluginFile> files;
  for (const auto& path : plugins) files.push_back(plugin::PluginFile::open(path));
  std::vector<std::string> configs(files.size(), "{}");
  return Engine(std::shared_ptr<detail::EngineCore>(
      new detail::EngineCore(std::move(files), std::move(configs), Manifest{}, options), detail::EngineCore::Delete{}));
}

Pool Engine::pool(PoolOptions options) { return core_->make_pool(options, core_); }

std::vector<CatalogEntry> Engine::tasks() const { return core_->tasks(); }

}  // namespace bulkhead
