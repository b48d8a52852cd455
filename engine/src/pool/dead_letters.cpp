// What is kept of attempts that killed their worker. The pump thread writes it: a slow disk slows what it does, which is
// why letters are bounded and off by default.

#include "protocol/dead_letter.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/sha256.hpp"
#include "pool/local_backend.hpp"
#include "protocol/control.hpp"
#include "support/in_quotes.hpp"
#include "support/joined_path.hpp"

namespace bulkhead::pool {

namespace {

std::string text_of(const std::vector<StackFrame>& backtrace) {
  std::string text;
  for (std::size_t i = 0; i < backtrace.size(); ++i) {
    if (i > 0) text += '\n';
    text += "  #" + std::to_string(i) + " " + (backtrace[i].symbol.empty() ? "?" : backtrace[i].symbol) + " in " +
            (backtrace[i].file.empty() ? "?" : backtrace[i].file);
  }
  return text;
}

}  // namespace

void LocalBackend::keep_dead_letter(LostAttempt lost) {
  services_.loop->post([this, lost = std::make_shared<LostAttempt>(std::move(lost))] {
    const std::string& task = lost->task->name;
    try {
      const std::string name = task.substr(0, task.find('.'));
      const auto plugin = std::find_if(config_->plugins.begin(), config_->plugins.end(),
                                       [&](const process::PluginToLoad& one) { return one.name == name; });
      if (plugin == config_->plugins.end()) return;
      std::error_code error;  // a working directory that was removed is an empty path
      const auto here = std::filesystem::current_path(error);
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const protocol::DeadLetter letter{
          .task = task,
          .plugin_path = support::joined_path(here, plugin->shown_path),
          .plugin_sha256 = plugin::sha256_hex_of_fd(plugin->fd),
          .plugin_config = plugin->config_json,
          .manifest = settings_.manifest,
          .engine_build = std::string(protocol::build_id()),
          .codec = lost->codec,
          .attempt = lost->attempt,
          .item = lost->item,
          .worker_pid = lost->worker_pid,
          .died_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
          .why = std::move(lost->why),
          .backtrace = text_of(lost->backtrace),
          .arguments = std::move(lost->arguments),
      };
      const auto file = protocol::keep_dead_letter(settings_.dead_letters, letter, settings_.max_dead_letters);
      services_.log->warn("the input of task " + support::in_quotes(task) + " is kept: bulkhead replay " +
                          file.string());
    } catch (const Error& error) {
      services_.log->error("cannot keep the input of task " + support::in_quotes(task) + ": " + error.what());
    } catch (const std::bad_alloc&) {
      services_.log->error("cannot keep the input of a task: out of memory");
    }
  });
}

}  // namespace bulkhead::pool
