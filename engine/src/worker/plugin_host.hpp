// What a worker offers a plugin outside of calls: its log and its configuration.
//
// Ownership: a PluginHost owns its texts; the plugin keeps pointers to them: see lasting_host().
// Threads:   the table's functions may be called from any thread.
// A log line that cannot be written is dropped.
#pragma once

#include <string>

#include <bulkhead/sdk/abi.h>

#include "protocol/envelope.hpp"

namespace bulkhead::worker {

class PluginHost {
 public:
  // `config_json` is the plugin's table of the manifest; empty means "{}".
  PluginHost(std::string plugin_name, std::string config_json);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  [[nodiscard]] const bulkhead_host* table() const noexcept { return &table_; }

 private:
  std::string plugin_name_;
  std::string config_json_;
  bulkhead_host table_{};
};

// The table for a plugin of this name and configuration. It lasts as long as the process: plugins keep pointers to it,
// and are never unloaded. The same for the same texts, so that worker threads of one host agree on it. Any thread.
[[nodiscard]] const bulkhead_host* lasting_host(const std::string& plugin_name, const std::string& config_json);

// The call that load() and create() are given: all it can do is tell why it fails.
class SetupCall {
 public:
  SetupCall();
  SetupCall(const SetupCall&) = delete;
  SetupCall& operator=(const SetupCall&) = delete;

  // For create(): the members that say which call made the state necessary.
  [[nodiscard]] bulkhead_call& table() noexcept { return table_; }
  // What fail() was told, phase kInit; a text that says so when it was told nothing.
  [[nodiscard]] protocol::ErrorEnvelope take_failure();

 private:
  bulkhead_call table_{};
  std::uint32_t stop_ = BULKHEAD_STOP_NO;
  protocol::ErrorEnvelope failure_;
};

// Copies what a plugin's fail() was told, as much as an envelope can hold.
void store_failure(protocol::ErrorEnvelope& to, const char* type, std::size_t type_size, const char* text,
                   std::size_t text_size, const char* detail_json, std::size_t detail_json_size);

// The failure as one line: "no such model [std::runtime_error]".
[[nodiscard]] std::string failure_text(protocol::ErrorEnvelope failure);

// Runs the plugin's initialiser, if it has one. False: it failed, and `error_text` says why.
[[nodiscard]] bool run_load(const bulkhead_plugin& plugin, const bulkhead_host* host, std::string& error_text);

}  // namespace bulkhead::worker
