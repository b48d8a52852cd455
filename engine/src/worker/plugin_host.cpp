#include "worker/plugin_host.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "worker/executor_boundary.hpp"
#include "worker/log_route.hpp"

namespace bulkhead::worker {
namespace {

thread_local bool is_guest = false;

std::string bounded(const char* text, std::size_t size, std::size_t max_bytes) {
  // One more than fits, so that the envelope still sees that something was cut.
  return text == nullptr ? std::string() : std::string(text, std::min(size, max_bytes + 1));
}

}  // namespace

GuestThread::GuestThread() noexcept { is_guest = true; }
GuestThread::~GuestThread() { is_guest = false; }
bool is_guest_thread() noexcept { return is_guest; }

void end_process(std::string_view why) {
  if (is_guest) throw GuestLeaves{std::string(why)};
  std::string line = "bulkhead-worker: " + std::string(why) + "\n";
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
  ::_exit(kExitProtocol);
}

PluginHost::PluginHost(std::string plugin_name, std::string config_json)
    : plugin_name_(std::move(plugin_name)), config_json_(config_json.empty() ? "{}" : std::move(config_json)) {
  table_.size = sizeof table_;
  table_.abi_minor = BULKHEAD_ABI_MINOR;
  table_.self = this;
  table_.log = [](void* self, std::int32_t level, const char* text, std::size_t size) {
    if (text != nullptr) log_line(level, static_cast<PluginHost*>(self)->plugin_name_, {text, size});
  };
  table_.config = [](void* self, const char** json) {
    const auto& config = static_cast<PluginHost*>(self)->config_json_;
    *json = config.c_str();
    return config.size();
  };
}

const bulkhead_host* lasting_host(const std::string& plugin_name, const std::string& config_json) {
  using Hosts = std::map<std::pair<std::string, std::string>, PluginHost>;
  // Never destroyed: what plugins registered for exit may still use it.
  static std::mutex& mutex = *new std::mutex;
  static Hosts& hosts = *new Hosts;
  const std::lock_guard lock(mutex);
  return hosts.try_emplace({plugin_name, config_json}, plugin_name, config_json).first->second.table();
}

SetupCall::SetupCall() {
  table_.size = sizeof table_;
  table_.codec = BULKHEAD_CODEC_BINARY;
  table_.self = this;
  table_.stop = &stop_;
  table_.deadline_ns = std::numeric_limits<std::int64_t>::max();
  table_.attempt = 1;
  table_.reserve = [](void*, std::size_t) -> void* { return nullptr; };
  table_.commit = [](void*, std::size_t) {};
  table_.fail = [](void* self, const char* type, std::size_t type_size, const char* text, std::size_t text_size,
                   const char* detail, std::size_t detail_size) {
    serve_plugin([&] {
      store_failure(static_cast<SetupCall*>(self)->failure_, type, type_size, text, text_size, detail, detail_size);
    });
  };
  table_.end_item = [](void*, std::int32_t) -> std::int32_t { return 1; };
  table_.progress = [](void*, std::uint64_t, std::uint64_t, const char*, std::size_t) {};
}

protocol::ErrorEnvelope SetupCall::take_failure() {
  protocol::ErrorEnvelope failure = std::move(failure_);
  failure_ = {};
  failure.phase = Phase::kInit;
  if (failure.type.empty() && failure.text.empty()) failure.text = "the plugin gave no reason";
  return failure;
}

void store_failure(protocol::ErrorEnvelope& to, const char* type, std::size_t type_size, const char* text,
                   std::size_t text_size, const char* detail_json, std::size_t detail_json_size) {
  to.type = bounded(type, type_size, protocol::kMaxErrorTypeBytes);
  to.text = bounded(text, text_size, protocol::kMaxErrorTextBytes);
  to.detail_json = bounded(detail_json, detail_json_size, protocol::kMaxErrorDetailBytes);
}

std::string failure_text(protocol::ErrorEnvelope failure) {
  protocol::cut_to_fit(failure);
  std::string text = failure.text.empty() ? failure.type : failure.text;
  if (!failure.type.empty() && !failure.text.empty()) text += " [" + failure.type + "]";
  return text;
}

bool run_load(const bulkhead_plugin& plugin, const bulkhead_host* host, std::string& error_text) {
  if (plugin.load == nullptr) return true;
  SetupCall call;
  std::int32_t outcome = BULKHEAD_INIT_FAILED;
  if (!call_plugin([&] { outcome = plugin.load(host, &call.table()); })) {
    error_text = kEscapedText;
    return false;
  }
  if (outcome == BULKHEAD_OK) return true;
  error_text = failure_text(call.take_failure());
  return false;
}

}  // namespace bulkhead::worker
