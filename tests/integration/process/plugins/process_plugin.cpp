// A plugin for the process layer's tests, written against the C table alone. MISBEHAVIOUR picks
// what goes wrong; each value makes one .so.
#include <bulkhead/sdk/abi.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::string_view kMisbehaviour = MISBEHAVIOUR;

struct Constructor {
  Constructor() {
    if (kMisbehaviour == "constructor_exits") ::_exit(9);
    if (kMisbehaviour == "constructor_crashes") {
      ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would turn it into an exit status
      ::raise(SIGSEGV);
    }
    if (kMisbehaviour == "constructor_hangs") {
      for (;;) ::pause();
    }
    if (kMisbehaviour == "prints") std::puts("the plugin's constructor prints this");
  }
} constructor;

std::int32_t load(const bulkhead_host*, const bulkhead_call* call) {
  if (kMisbehaviour == "load_exits") ::_exit(0);
  if (kMisbehaviour == "load_hangs") {
    for (;;) ::pause();
  }
  if (kMisbehaviour == "load_fails") {
    constexpr std::string_view kType = "std::runtime_error";
    constexpr std::string_view kText = "no model file";
    call->fail(call->self, kType.data(), kType.size(), kText.data(), kText.size(), "", 0);
    return BULKHEAD_INIT_FAILED;
  }
  return BULKHEAD_OK;
}

// Answers with the bytes it was given; the bytes "fork" leave a child behind that sleeps for ever,
// whose pid is the answer.
std::int32_t echo(void*, const bulkhead_call* call, const void* in, std::size_t size, std::uint64_t) {
  if (std::string_view(static_cast<const char*>(in), size) == "fork") {
    const pid_t child = ::fork();
    if (child == 0) {
      for (;;) ::pause();
    }
    void* const out = call->reserve(call->self, sizeof child);
    std::memcpy(out, &child, sizeof child);
    call->commit(call->self, sizeof child);
    call->end_item(call->self, BULKHEAD_OK);
    return BULKHEAD_OK;
  }
  void* const out = call->reserve(call->self, size);
  if (out == nullptr) return BULKHEAD_ENCODE_FAILED;
  std::memcpy(out, in, size);
  call->commit(call->self, size);
  call->end_item(call->self, BULKHEAD_OK);
  return BULKHEAD_OK;
}

std::int32_t spin(void*, const bulkhead_call*, const void*, std::size_t, std::uint64_t) {
  std::atomic<std::uint64_t> turns = 0;
  for (;;) ++turns;
}

bulkhead_task task(const char* name,
                   std::int32_t (*invoke)(void*, const bulkhead_call*, const void*, std::size_t, std::uint64_t)) {
  bulkhead_task made{};
  made.name = name;
  made.signature = "(bytes)->bytes";
  made.doc = "";
  made.param_names = "data";
  made.shape = 42;
  made.codecs = BULKHEAD_CODEC_BINARY;
  made.retries = -1;
  made.invoke_batch = invoke;
  return made;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const bulkhead_plugin* BULKHEAD_ENTRY_POINT() {
  static const bulkhead_task tasks[] = {task("echo", &echo), task("spin", &spin)};
  static bulkhead_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.abi_major = kMisbehaviour == "wrong_abi" ? BULKHEAD_ABI_MAJOR + 1 : BULKHEAD_ABI_MAJOR;
  plugin.abi_minor = BULKHEAD_ABI_MINOR;
  plugin.task_stride = sizeof(bulkhead_task);
  plugin.name = "process";
  plugin.version = "1.2.3";
  plugin.sdk_version = "0.1.0";
  plugin.compiler = "test";
  plugin.load = &load;
  plugin.task_count = 2;
  plugin.tasks = tasks;
  return &plugin;
}
