// The plugin's C table: what BULKHEAD_PLUGIN's exported function returns.
//
// Ownership: static, made at the first call of the entry point.
// Threads:   as abi.h says. The host pointer is set by load(), before any other call.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <utility>

#include <cxxabi.h>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/entry_list.hpp>
#include <bulkhead/sdk/invoke.hpp>
#include <bulkhead/sdk/note.hpp>

namespace bulkhead::sdk {

// The C functions of one plugin. `Entries` has internal linkage, so no two plugins share these.
template <const auto& Entries, class Plugin>
class PluginTable {
 public:
  // The table; null when there is no memory for it.
  static const bulkhead_plugin* get() noexcept {
    try {
      static const bulkhead_plugin table = make();
      return &table;
    } catch (...) {
      return nullptr;
    }
  }

 private:
  static constexpr std::size_t kSize = PluginFacts<Entries>::kSize;
  using Indexes = std::make_index_sequence<kSize>;

  template <std::size_t I>
  BULKHEAD_SDK_CATCHES_FORCED_UNWIND static std::int32_t create(const bulkhead_host* host, const bulkhead_call* call,
                                                                void*, void** state) {
    using State = typename EntryTypes<Entries, I>::Item::Callable;
    try {
      if constexpr (std::is_constructible_v<State, PluginContext&>) {
        PluginContext context(host);
        *state = new State(context);
      } else {
        *state = new State();
      }
      return BULKHEAD_OK;
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (...) {
      tell_current_exception(call, BULKHEAD_INIT_FAILED);
      return BULKHEAD_INIT_FAILED;
    }
  }
  template <std::size_t I>
  static void destroy(void* state) {
    delete static_cast<typename EntryTypes<Entries, I>::Item::Callable*>(state);
  }
  template <std::size_t I>
  static std::int32_t invoke_batch(void* state, const bulkhead_call* call, const void* in, std::size_t size,
                                   std::uint64_t count) {
    using Item = typename EntryTypes<Entries, I>::Item;
    using Constants = TaskConstants<Entries, I>;
    const std::span<const std::string_view> names(Constants::kParameterViews.data(),
                                                  Constants::kOptions.parameter_count);
    if constexpr (std::is_same_v<decltype(Item::function), NoFunction>) {
      return run_items(*static_cast<typename Item::Callable*>(state), call, host(), names, in, size, count);
    } else {
      (void)state;
      static constexpr auto kFunction = get_entry<I>(Entries).function;
      return run_items(kFunction, call, host(), names, in, size, count);
    }
  }

  template <std::size_t I>
  static void add_task(bulkhead_task*& next) {
    if constexpr (EntryTypes<Entries, I>::kIsTask) {
      using Item = typename EntryTypes<Entries, I>::Item;
      using Constants = TaskConstants<Entries, I>;
      constexpr bool kHasState = std::is_same_v<decltype(Item::function), NoFunction>;
      bulkhead_task& task = *next++;
      task.name = Constants::kName.data();
      task.signature = Constants::kSignature.data();
      task.doc = Constants::kOptions.doc;
      task.param_names = Constants::kParameters.data();
      task.shape = Constants::Signature::shape();
      task.codecs = BULKHEAD_CODEC_BINARY | BULKHEAD_CODEC_JSON;
      task.flags = Constants::kOptions.flags;
      task.retries = Constants::kOptions.retries;
      task.timeout_ns = Constants::kOptions.timeout_ns;
      task.soft_timeout_ns = Constants::kOptions.soft_timeout_ns;
      if constexpr (kHasState) {
        task.create = &create<I>;
        task.destroy = &destroy<I>;
      }
      task.invoke_batch = &invoke_batch<I>;
    }
  }

  template <std::size_t I>
  static void run_on_load() {
    if constexpr (!EntryTypes<Entries, I>::kIsTask) {
      static constexpr auto kFunction = get_entry<I>(Entries).function;
      if constexpr (std::is_invocable_v<decltype(kFunction), PluginContext&>) {
        PluginContext context(host());
        kFunction(context);
      } else {
        kFunction();
      }
    }
  }
  template <std::size_t... I>
  static void run_all_on_load(std::index_sequence<I...>) {
    using Step = void (*)();
    const Step steps[] = {&run_on_load<I>...};
    for (const Step step : steps) step();
  }
  BULKHEAD_SDK_CATCHES_FORCED_UNWIND static std::int32_t load(const bulkhead_host* host, const bulkhead_call* call) {
    // relaxed: worker threads of one process all store the same, each before its own calls.
    host_.store(host, std::memory_order_relaxed);
    try {
      run_all_on_load(Indexes{});
      return BULKHEAD_OK;
    } catch (abi::__forced_unwind&) {
      throw;
    } catch (...) {
      tell_current_exception(call, BULKHEAD_INIT_FAILED);
      return BULKHEAD_INIT_FAILED;
    }
  }

  template <std::size_t... I>
  static void add_all_tasks(std::index_sequence<I...>) {
    using Step = void (*)(bulkhead_task*&);
    const Step steps[] = {&add_task<I>...};
    bulkhead_task* next = tasks_;
    for (const Step step : steps) step(next);
  }
  static bulkhead_plugin make() {
    add_all_tasks(Indexes{});
    bulkhead_plugin plugin = {};
    plugin.size = sizeof plugin;
    plugin.abi_major = BULKHEAD_ABI_MAJOR;
    plugin.abi_minor = BULKHEAD_ABI_MINOR;
    plugin.task_stride = sizeof(bulkhead_task);
    plugin.name = kName.data();
    plugin.version = kVersion.data();
    plugin.sdk_version = BULKHEAD_SDK_VERSION;
    plugin.compiler = BULKHEAD_SDK_COMPILER;
    plugin.load = &load;
    plugin.task_count = PluginFacts<Entries>::task_count();
    plugin.tasks = tasks_;
    return plugin;
  }

  static constexpr auto kName = Text<Plugin::name().size()>(Plugin::name());
  static constexpr auto kVersion = Text<Plugin::version().size()>(Plugin::version());
  static inline bulkhead_task tasks_[kSize + 1] = {};
  [[nodiscard]] static const bulkhead_host* host() noexcept { return host_.load(std::memory_order_relaxed); }
  static inline std::atomic<const bulkhead_host*> host_ = nullptr;
};

}  // namespace bulkhead::sdk
