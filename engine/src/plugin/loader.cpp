#include "plugin/loader.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/dll/shared_library.hpp>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/catalogue_note.hpp"
#include "plugin/private_copy.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::plugin {

namespace {

using Reason = PluginError::Reason;

// What a table must hold before its ABI number may be read, and what one of our major number holds
// at least. The reserved members at the ends need not be there.
constexpr std::size_t kVersionBytes = offsetof(bulkhead_plugin, abi_minor);
constexpr std::size_t kLeastTableBytes = offsetof(bulkhead_plugin, reserved);
constexpr std::size_t kLeastTaskBytes = offsetof(bulkhead_task, reserved);

[[noreturn]] void fail(const std::string& path, Reason reason, const std::string& why) {
  detail::raise<PluginError>("cannot load plugin \"" + path + "\": " + why, {.path = path, .reason = reason});
}

[[noreturn]] void broken_table(const std::string& path, const std::string& why) {
  fail(path, Reason::kInconsistent, "its table is broken: " + why + " (rebuild the plugin against the installed SDK)");
}

// By this process's number: a debugger opens the file under the name that the loader was given, and would find one of its own
// descriptors under /proc/self (and wait for ever, should that be a pipe).
std::string fd_path(int fd) {
  const std::string number = "/fd/" + std::to_string(fd);
  const std::string path = "/proc/" + std::to_string(::getpid()) + number;
  // Where /proc is another pid namespace's.
  return ::access(path.c_str(), F_OK) == 0 ? path : "/proc/self" + number;
}

// Where to load from: see LoadedPlugin::load().
std::string place_of(int fd, const std::string& shown_path) {
  if (is_private_copy(fd)) return fd_path(fd);
  std::error_code error;
  const std::string place = std::filesystem::read_symlink(fd_path(fd), error).string();
  struct stat checked {};
  struct stat there {};
  if (error || ::fstat(fd, &checked) != 0 || ::stat(place.c_str(), &there) != 0 || checked.st_dev != there.st_dev ||
      checked.st_ino != there.st_ino) {
    fail(shown_path, Reason::kCannotLoad,
         "the file was replaced after it was checked, and a run path with $ORIGIN makes it load "
         "from its place (start the engine again)");
  }
  return place;
}

// Another spelling of the same path for every load of this process. dlopen() looks for the name among what is loaded
// before it looks at the file: a descriptor's number that was used before, or a file that was replaced, would give the
// old library. Spelled differently, it goes by device and inode.
std::string unique_spelling(const std::string& place) {
  static std::atomic<std::uint32_t> loads{0};
  const auto name = place.rfind('/') + 1;
  std::string spelling = place.substr(0, name);
  for (std::uint32_t rest = loads.fetch_add(1); rest != 0; rest >>= 1) spelling += (rest & 1) != 0 ? "./" : "/";
  return spelling + place.substr(name);
}

// Boost's own text and code say less than the loader's; only they are replaced, not lost.
boost::dll::shared_library open_library(const std::string& place, const std::string& shown_path) {
  using Mode = boost::dll::load_mode::type;
  // No append_decorations: exactly this file or none. RTLD_NODELETE, which Boost has no name for,
  // makes the handle's closing harmless.
  const auto mode =
      static_cast<Mode>(boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local | RTLD_NODELETE);
  BULKHEAD_FAULT_POINT("plugin.load");
  boost::dll::shared_library library;
  std::error_code error;
  ::dlerror();  // forget what an earlier failure left
  try {
    library.load(place, mode, error);
  } catch (const std::exception& thrown) {
    fail(shown_path, Reason::kCannotLoad, std::string("a constructor in it threw: ") + thrown.what());
  }
  if (!error) return library;
  const char* reason = ::dlerror();
  std::string text = reason != nullptr ? reason : error.message();
  for (std::size_t at = text.find(place); at != std::string::npos && place != shown_path;
       at = text.find(place, at + shown_path.size())) {
    text.replace(at, place.size(), shown_path);
  }
  fail(shown_path, Reason::kCannotLoad, text);
}

void check_table(const bulkhead_plugin* table, const std::string& path) {
  if (table == nullptr) broken_table(path, "the plugin gave none");
  if (table->size < kVersionBytes) broken_table(path, "it is too small");
  if (table->abi_major != BULKHEAD_ABI_MAJOR) {
    fail(path, Reason::kWrongAbi,
         "built for ABI " + std::to_string(table->abi_major) + ", this engine has " +
             std::to_string(BULKHEAD_ABI_MAJOR) + " (rebuild it against the installed SDK)");
  }
  if (table->size < kLeastTableBytes) broken_table(path, "it is too small");
  if (table->required_flags != 0) {
    fail(path, Reason::kWrongAbi,
         "it needs features that this engine does not have (required flags " + std::to_string(table->required_flags) +
             ")");
  }
  if (table->name == nullptr || table->version == nullptr || table->sdk_version == nullptr ||
      table->compiler == nullptr) {
    broken_table(path, "one of its texts is missing");
  }
  if (!is_name(table->name)) broken_table(path, "the plugin's name is not an identifier");
  if (table->task_count > kMaxTasks) broken_table(path, "it has an impossible number of tasks");
  if (table->task_count == 0) return;
  if (table->tasks == nullptr) broken_table(path, "its tasks are missing");
  if (table->task_stride < kLeastTaskBytes || table->task_stride % alignof(bulkhead_task) != 0) {
    broken_table(path, "its tasks have an impossible size");
  }
}

void check_tasks(const LoadedPlugin& plugin, const std::string& path) {
  for (std::size_t i = 0; i < plugin.table().task_count; ++i) {
    const bulkhead_task& task = plugin.task(i);
    if (task.name == nullptr || task.signature == nullptr || task.doc == nullptr || task.param_names == nullptr) {
      broken_table(path, "a text of task " + std::to_string(i) + " is missing");
    }
    if (!is_name(task.name)) {
      broken_table(path, "the name of task " + std::to_string(i) + " is not an identifier");
    }
    if (task.invoke_batch == nullptr) {
      broken_table(path, "task \"" + std::string(task.name) + "\" has no function");
    }
    if (task.retries < -1 || task.timeout_ns < 0 || task.soft_timeout_ns < 0) {
      broken_table(path, "a default of task \"" + std::string(task.name) + "\" is negative");
    }
  }
}

std::vector<std::string> split_at_commas(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

LoadedPlugin LoadedPlugin::load(int fd, const std::string& shown_path) {
  const boost::dll::shared_library library = open_library(unique_spelling(place_of(fd, shown_path)), shown_path);
  if (!library.has(BULKHEAD_ENTRY_POINT_NAME)) {
    fail(shown_path, Reason::kNotAPlugin,
         "it does not export " BULKHEAD_ENTRY_POINT_NAME " (build it with bulkhead_add_plugin)");
  }
  const auto entry_point = library.get<std::remove_pointer_t<bulkhead_entry_point>>(BULKHEAD_ENTRY_POINT_NAME);
  const bulkhead_plugin* table = entry_point();
  check_table(table, shown_path);
  const LoadedPlugin plugin(table);
  check_tasks(plugin, shown_path);
  return plugin;
}

const bulkhead_task& LoadedPlugin::task(std::size_t index) const noexcept {
  const auto* first = reinterpret_cast<const char*>(table_->tasks);
  return *reinterpret_cast<const bulkhead_task*>(static_cast<const void*>(first + index * table_->task_stride));
}

PluginEntry describe(const LoadedPlugin& plugin, const std::string& shown_path) {
  const bulkhead_plugin& table = plugin.table();
  PluginEntry entry;
  entry.name = table.name;
  entry.version = table.version;
  entry.sdk_version = table.sdk_version;
  entry.compiler = table.compiler;
  entry.abi_major = table.abi_major;
  entry.abi_minor = table.abi_minor;
  entry.path = shown_path;
  entry.tasks.reserve(table.task_count);
  for (std::size_t i = 0; i < table.task_count; ++i) {
    const bulkhead_task& from = plugin.task(i);
    TaskEntry task;
    task.name = entry.name + '.' + from.name;
    task.signature = from.signature;
    task.doc = from.doc;
    task.param_names = split_at_commas(from.param_names);
    task.codecs = from.codecs;
    task.flags = from.flags;
    task.required_flags = from.required_flags;
    task.retries = from.retries;
    task.timeout = std::chrono::nanoseconds(from.timeout_ns);
    task.soft_timeout = std::chrono::nanoseconds(from.soft_timeout_ns);
    task.shape = from.shape;
    task.task_index = static_cast<std::uint32_t>(i);
    entry.tasks.push_back(std::move(task));
  }
  return entry;
}

void check_same(const PluginEntry& note, const PluginEntry& loaded) {
  const auto differ = [&](const std::string& what) {
    detail::raise<PluginError>("plugin \"" + note.path + "\" is not what its catalogue says: " + what +
                                   " differ (rebuild it with bulkhead_add_plugin)",
                               {.path = note.path, .reason = Reason::kInconsistent});
  };
  if (note.name != loaded.name) differ("their names");
  if (note.version != loaded.version) differ("their versions");
  if (note.abi_major != loaded.abi_major || note.abi_minor != loaded.abi_minor) {
    differ("their ABI numbers");
  }
  if (note.tasks.size() != loaded.tasks.size()) differ("their numbers of tasks");
  for (std::size_t i = 0; i < note.tasks.size(); ++i) {
    const TaskEntry& a = note.tasks[i];
    const TaskEntry& b = loaded.tasks[i];
    const std::string of_task = " of task \"" + a.name + "\"";
    if (a.name != b.name) differ("the names" + of_task);
    if (a.signature != b.signature) differ("the signatures" + of_task);
    if (a.param_names != b.param_names) differ("the parameter names" + of_task);
    if (a.codecs != b.codecs) differ("the codecs" + of_task);
    if (a.flags != b.flags || a.required_flags != b.required_flags) differ("the flags" + of_task);
    if (a.retries != b.retries || a.timeout != b.timeout || a.soft_timeout != b.soft_timeout) {
      differ("the defaults" + of_task);
    }
  }
}

}  // namespace bulkhead::plugin
