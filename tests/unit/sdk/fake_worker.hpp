// The worker's side of the C table, for tests: loads a plugin and records what its tasks do.
//
// Ownership: the plugin stays loaded for the process's life, as in the product.
// Threads:   one.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/types.hpp>

namespace bulkhead::testing {

// How one item ended.
struct ItemResult {
  std::int32_t outcome = -1;
  std::string bytes = {};
  std::string failure_type = {};
  std::string failure_text = {};
  std::string failure_detail = {};
};

class FakeWorker {
 public:
  // Loads the plugin but does not call its load().
  explicit FakeWorker(const char* path) {
    void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    void* const symbol = dlsym(library, BULKHEAD_ENTRY_POINT_NAME);
    bulkhead_entry_point entry = nullptr;
    std::memcpy(&entry, &symbol, sizeof entry);
    plugin_ = entry();
    host_.size = sizeof host_;
    host_.self = this;
    host_.log = [](void* self, std::int32_t level, const char* text, std::size_t size) {
      static_cast<FakeWorker*>(self)->log.emplace_back(level, std::string(text, size));
    };
    host_.config = [](void* self, const char** json) {
      *json = static_cast<FakeWorker*>(self)->config.data();
      return static_cast<FakeWorker*>(self)->config.size();
    };
    call_.size = sizeof call_;
    call_.self = this;
    call_.codec = BULKHEAD_CODEC_BINARY;
    call_.stop = &stop;
    call_.deadline_ns = INT64_MAX;
    call_.attempt = 1;
    call_.reserve = [](void* self, std::size_t size) { return static_cast<FakeWorker*>(self)->reserve(size); };
    call_.commit = [](void* self, std::size_t size) { static_cast<FakeWorker*>(self)->commit(size); };
    call_.fail = [](void* self, const char* type, std::size_t type_size, const char* text, std::size_t text_size,
                    const char* detail, std::size_t detail_size) {
      ItemResult& item = static_cast<FakeWorker*>(self)->current_;
      item.failure_type.assign(type, type_size);
      item.failure_text.assign(text, text_size);
      item.failure_detail.assign(detail, detail_size);
    };
    call_.end_item = [](void* self, std::int32_t outcome) { return static_cast<FakeWorker*>(self)->end_item(outcome); };
    call_.progress = [](void* self, std::uint64_t done, std::uint64_t total, const char* note, std::size_t size) {
      static_cast<FakeWorker*>(self)->progress.push_back(std::to_string(done) + "/" + std::to_string(total) + " " +
                                                         std::string(note, size));
    };
  }
  FakeWorker(const FakeWorker&) = delete;
  FakeWorker& operator=(const FakeWorker&) = delete;
  ~FakeWorker() { destroy_states(); }

  [[nodiscard]] const bulkhead_plugin* plugin() const { return plugin_; }
  // The call as tasks see it; change it between calls.
  bulkhead_call& call() { return call_; }

  std::int32_t load() { return plugin_->load == nullptr ? BULKHEAD_OK : plugin_->load(&host_, &call_); }
  void destroy_states() {
    for (const auto& [task, state] : states_) {
      if (state != nullptr && task->destroy != nullptr) task->destroy(state);
    }
    states_.clear();
  }

  // The task, or null.
  [[nodiscard]] const bulkhead_task* task(std::string_view name) const {
    for (std::uint64_t i = 0; i < plugin_->task_count; ++i) {
      if (plugin_->tasks[i].name == name) return &plugin_->tasks[i];
    }
    return nullptr;
  }

  // Makes the task's state if it needs one. False: create() failed, see last().
  bool make_state(const bulkhead_task* task) {
    if (task->create == nullptr || states_[task] != nullptr) return true;
    const std::int32_t outcome = task->create(&host_, &call_, task->user, &states_[task]);
    if (outcome == BULKHEAD_OK) return true;
    end_item(outcome);
    return false;
  }

  // Runs `count` items laid out as call().item_stride says.
  std::int32_t invoke(std::string_view name, std::string_view in, std::uint64_t count) {
    const bulkhead_task* const found = task(name);
    if (found == nullptr) throw std::invalid_argument("no task " + std::string(name));
    if (!make_state(found)) return BULKHEAD_INIT_FAILED;
    return found->invoke_batch(states_[found], &call_, in.data(), in.size(), count);
  }

  // One item of the given bytes.
  const ItemResult& run(std::string_view name, std::string_view item) {
    const auto size = static_cast<std::uint32_t>(item.size());
    std::string in(sizeof size, '\0');
    std::memcpy(in.data(), &size, sizeof size);
    in += item;
    call_.item_stride = 0;
    invoke(name, in, 1);
    return last();
  }
  // One call with C++ arguments in the binary form.
  template <class... A>
  const ItemResult& run_binary(std::string_view name, const A&... arguments) {
    sdk::BufferSink sink;
    sdk::write(sink, arguments...);
    call_.codec = BULKHEAD_CODEC_BINARY;
    return run(name, as_text(sink.bytes()));
  }
  // The same, and its decoded result. Fails the test unless it succeeds.
  template <class R, class... A>
  R call(std::string_view name, const A&... arguments) {
    const ItemResult& item = run_binary(name, arguments...);
    EXPECT_EQ(item.outcome, BULKHEAD_OK) << item.failure_type << ": " << item.failure_text;
    if constexpr (!std::is_void_v<R>) {
      R result{};
      if (item.outcome == BULKHEAD_OK) sdk::read(std::as_bytes(std::span(item.bytes)), result);
      return result;
    }
  }
  // One call in JSON; returns the result's text, or "outcome type: text".
  std::string call_json(std::string_view name, std::string_view json) {
    call_.codec = BULKHEAD_CODEC_JSON;
    const ItemResult& item = run(name, json);
    if (item.outcome == BULKHEAD_OK) return item.bytes;
    return std::to_string(item.outcome) + " " + item.failure_type + ": " + item.failure_text;
  }
  [[nodiscard]] const ItemResult& last() const { return results.back(); }

  static std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::vector<ItemResult> results;
  std::vector<std::pair<int, std::string>> log;
  std::vector<std::string> progress;
  std::string config = "{}";
  std::uint32_t stop = BULKHEAD_STOP_NO;
  // reserve() refuses more than this for one item.
  std::size_t result_limit = std::numeric_limits<std::size_t>::max();
  // end_item() asks to give up after this many results.
  std::size_t give_up_after = std::numeric_limits<std::size_t>::max();

 private:
  void* reserve(std::size_t size) {
    if (size > result_limit - current_.bytes.size()) return nullptr;
    room_.assign(size, '\x5A');
    return room_.data();
  }
  void commit(std::size_t size) {
    EXPECT_LE(size, room_.size());
    current_.bytes += room_.substr(0, size);
  }
  std::int32_t end_item(std::int32_t outcome) {
    current_.outcome = outcome;
    results.push_back(std::exchange(current_, {}));
    return results.size() >= give_up_after ? 1 : 0;
  }

  const bulkhead_plugin* plugin_ = nullptr;
  bulkhead_host host_ = {};
  bulkhead_call call_ = {};
  std::map<const bulkhead_task*, void*> states_;
  ItemResult current_;
  std::string room_;
};

}  // namespace bulkhead::testing
