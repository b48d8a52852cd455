#include "bulkhead/engine.hpp"

#include <optional>
#include <string>
#include <utility>

#include "bulkhead/manifest.hpp"
#include "ipc/spin.hpp"
#include "plugin/catalogue.hpp"
#include "plugin/loader.hpp"
#include "plugin/manifest_names.hpp"
#include "plugin/plugin_file.hpp"
#include "plugin/plugin_search.hpp"
#include "pool/initializer.hpp"
#include "pool/local_backend.hpp"
#include "pool/pool_plugins.hpp"
#include "pool/pool_settings.hpp"
#include "pool/task_directory.hpp"
#include "process/fork_warden.hpp"
#include "process/plugin_probe.hpp"
#include "process/worker_program.hpp"
#include "support/fork_epoch.hpp"
#include "support/nesting.hpp"

namespace bulkhead {

namespace detail {

// The parts of one engine. Pools share it.
class EngineCore {
 public:
  EngineCore(std::vector<plugin::PluginFile> files, std::vector<std::string> configs, Manifest manifest,
             const EngineOptions& options)
      : files_(std::move(files)),
        manifest_(std::move(manifest)),
        default_start_method_(options.start_method.value_or(StartMethod::kForkserver)),
        can_fork_(default_start_method_ == StartMethod::kFork ||
                  pool::named_start_method(manifest_) == StartMethod::kFork) {
    refuse_deep_nesting();
    const auto worker_program = process::find_worker_program(options.worker_program);
    services_.log = make_log(options, manifest_);
    services_.on_worker_line = options.on_worker_line;
    services_.captures_output = options.capture_output.value_or(manifest_.log_capture.value.value_or(true));
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
    auto forked = forked_warden(worker_program);  // before there is any thread of ours
    services_.loop = std::make_unique<process::EventLoop>(services_.log.get());
    services_.warden =
        std::make_unique<process::Warden>(*services_.loop, *services_.log, worker_program, std::move(forked));
    services_.callbacks =
        std::make_unique<pool::CallbackExecutor>(services_.log, options.callbacks.value_or(Callbacks::kOwnThread));
    load_once(catalogue);
    directory_ = std::make_shared<const pool::TaskDirectory>(std::move(catalogue), manifest_);
  }

  [[nodiscard]] Pool make_pool(const PoolOptions& asked, std::shared_ptr<EngineCore> self) {
    refuse_forked_copy();
    const PoolOptions options = pool::merged(asked, manifest_);
    pool::LocalBackend::Settings settings = pool::checked_settings(options);
    settings.start_method = start_method(options);
    if (settings.hygiene == Hygiene::kStrict && settings.start_method == StartMethod::kThread) {
      refuse(
          "nothing can be put back between tasks that run in threads of this process (leave hygiene or start_method "
          "out)");
    }
    pool::PoolPlugins plugins = pool_plugins(options);
    settings.plugins = std::move(plugins.to_load);
    settings.manifest = manifest_.file;
    settings.initializer = initializer(options, asked, *plugins.directory);
    return Pool(std::shared_ptr<pool::LocalBackend>(
        new pool::LocalBackend(services_, std::move(plugins.directory), std::move(settings), std::move(self)),
        [](pool::LocalBackend* backend) {
          if (!backend->is_forked_copy()) delete backend;
        }));
  }

  [[nodiscard]] pool::CallbackExecutor& callbacks() const {
    refuse_forked_copy();
    return *services_.callbacks;
  }

  void refuse_forked_copy() const {
    if (!is_forked_copy()) return;
    raise<UsageError, std::logic_error>(
        "this engine belongs to the process that made it, not to a child after fork() (make one in the child)");
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
  static void refuse_deep_nesting() {
    if (support::nesting_depth() < support::kDeepestNesting) return;
    raise<UsageError, std::logic_error>(
        "an engine cannot be made in a worker of a worker of a worker (does a plugin make one while it is loaded?)");
  }

  // The environment's level, else the manifest's.
  static std::shared_ptr<support::Log> make_log(const EngineOptions& options, const Manifest& manifest) {
    using support::LogLevel;
    const auto from_environment = support::log_level_from_environment();
    const auto& from_manifest = manifest.log_level.value;
    const auto level = from_environment || !from_manifest ? from_environment : support::log_level_of(*from_manifest);
    if (!options.on_log) {
      return std::make_shared<support::Log>(level.value_or(LogLevel::kWarn), support::Log::Sink{},
                                            manifest.log_pattern.value.value_or(support::Log::kDefaultPattern));
    }
    return std::make_shared<support::Log>(level.value_or(LogLevel::kInfo),
                                          [on_log = options.on_log](LogLevel line_level, std::string_view text) {
                                            on_log(static_cast<int>(line_level), text);
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

  std::optional<process::ForkedWarden> forked_warden(const std::filesystem::path& worker_program) const {
    if (!can_fork_) return std::nullopt;
    std::vector<int> fds;
    for (const plugin::PluginFile& file : files_) fds.push_back(file.fd());
    return process::fork_warden(worker_program, fds);
  }

  [[noreturn]] static void refuse(std::string text) { raise<UsageError, std::invalid_argument>(std::move(text)); }

  [[nodiscard]] StartMethod start_method(const PoolOptions& options) const {
    if (!options.start_method) return default_start_method_;
    if (*options.start_method == StartMethod::kFork && !can_fork_) {
      refuse(
          "workers can be copies of this process only if the engine was made for that (set EngineOptions::start_method "
          "to kFork, and make the engine before any thread is started)");
    }
    return *options.start_method;
  }

  [[nodiscard]] pool::PoolPlugins pool_plugins(const PoolOptions& options) const {
    if (!options.plugins) return {plugins_, directory_};
    return pool::choose_plugins(plugins_, directory_, manifest_, *options.plugins);
  }

  // Throws before anything is started. `asked`: what the program said itself.
  [[nodiscard]] std::shared_ptr<const process::Initializer> initializer(const PoolOptions& options,
                                                                        const PoolOptions& asked,
                                                                        const pool::TaskDirectory& directory) const {
    if (options.initializer) {
      // The manifest's arguments are for the manifest's task.
      return pool::make_initializer(directory, *options.initializer, options.initargs,
                                    asked.initializer ? std::nullopt : manifest_.initargs.value);
    }
    if (options.initargs.encode()) refuse("initargs were given without an initializer to give them to");
    return nullptr;
  }

  const std::uint32_t fork_epoch_ = support::fork_epoch();
  std::vector<plugin::PluginFile> files_;  // keep the descriptors that workers are sent
  Manifest manifest_;
  const StartMethod default_start_method_;
  const bool can_fork_;
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

int usable_cpu_count() { return static_cast<int>(ipc::usable_cpus()); }

Pool Engine::pool(PoolOptions options) { return core_->make_pool(options, core_); }

std::size_t Engine::dispatch() {
  const auto core = core_;  // a callback may drop the engine
  return core->callbacks().dispatch();
}

int Engine::event_fd() const { return core_->callbacks().event_fd(); }

std::vector<CatalogEntry> Engine::tasks() const { return core_->tasks(); }

}  // namespace bulkhead
