#include "worker/crash_handler.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <string_view>
#include <typeinfo>

#include "support/system_error.hpp"
#include "worker/executor_boundary.hpp"

namespace bulkhead::worker {

namespace {

using protocol::CrashRecord;
using protocol::Termination;

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
// The unwinder's own needs are a few KiB; a sanitizer's frames are larger.
constexpr std::size_t kStackBytes = 128 * 1024;
constexpr std::size_t kMaxPlugins = 64;
// Of a walk up the stack, the handler's own frames too: a damaged stack may lead round in circles.
constexpr std::size_t kMaxSteps = 2 * protocol::kMaxFrames;
// How long a second thread that crashes leaves the first to finish its record.
constexpr int kWaits = 1000;
constexpr timespec kWait{.tv_sec = 0, .tv_nsec = 1'000'000};

struct State {
  protocol::LastWords* words = nullptr;
  pid_t pid = 0;
  std::atomic<pid_t> crashing{0};  // the thread that writes the record
  std::atomic<bool> is_terminating{false};
  std::array<struct sigaction, kSignals.size()> before{};
  std::terminate_handler terminate_before = nullptr;
  std::array<const void*, kMaxPlugins> plugin_maps{};  // where each one's mapping starts
  std::atomic<std::size_t> loading{kMaxPlugins};
  std::array<char, protocol::kModuleNameBytes> program{};
};
constinit State state;

static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler may not wait for a lock");

// A forked child of a task does not have the record, and its death is not this process's.
bool is_this_process() noexcept { return state.words != nullptr && ::getpid() == state.pid; }

template <std::size_t kSize>
void copy_text(std::array<char, kSize>& to, std::string_view text) noexcept {
  const std::size_t size = std::min(text.size(), kSize - 1);
  std::memcpy(to.data(), text.data(), size);
  to[size] = '\0';
}

std::uint32_t plugin_at(const void* map_start, std::string_view name) noexcept {
  const auto& maps = state.plugin_maps;
  if (const auto found = std::find(maps.begin(), maps.end(), map_start); found != maps.end()) {
    return static_cast<std::uint32_t>(found - maps.begin());
  }
  // In its constructors.
  const std::size_t loading = state.loading.load();
  return loading < kMaxPlugins && name.starts_with("/proc/") ? static_cast<std::uint32_t>(loading)
                                                             : protocol::kNoPlugin;
}

// The number of the module that holds this address. Unlike dladdr() and dl_iterate_phdr(), _dl_find_object() takes no
// lock, which the crashed thread could hold.
std::uint64_t module_of(CrashRecord& record, std::uint64_t address) noexcept {
  dl_find_object found;
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return protocol::kNoModule;
  const link_map& map = *found.dlfo_link_map;
  // relaxed, here and below: only this thread writes; the host reads when the process is gone.
  const std::uint32_t count = record.module_count.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (record.modules[i].base == map.l_addr) return i;
  }
  if (count == protocol::kMaxModules) return protocol::kNoModule;
  CrashRecord::Module& module = record.modules[count];
  const std::string_view name = map.l_name;
  module.base = map.l_addr;
  module.plugin = plugin_at(found.dlfo_map_start, name);
  if (name.empty()) {
    module.name = state.program;
  } else if (name.size() < module.name.size()) {
    copy_text(module.name, name);
  }
  // release: the module is whole should this thread die of the next one.
  record.module_count.store(count + 1, std::memory_order_release);
  return count;
}

void add_frame(CrashRecord& record, std::uint64_t address) noexcept {
  const std::uint32_t count = record.frame_count.load(std::memory_order_relaxed);
  if (count == protocol::kMaxFrames) return;
  record.frames[count] = {.address = address, .module = module_of(record, address)};
  // release: as in module_of().
  record.frame_count.store(count + 1, std::memory_order_release);
}

struct Walk {
  CrashRecord& record;
  std::uint64_t start;  // the interrupted instruction; the handler's own frames come before it
  bool has_started = false;
  std::size_t steps = 0;
};

_Unwind_Reason_Code visit(_Unwind_Context* context, void* argument) noexcept {
  auto& walk = *static_cast<Walk*>(argument);
  const std::uint64_t address = ::_Unwind_GetIP(context);
  if (address == 0 || ++walk.steps > kMaxSteps) return _URC_END_OF_STACK;
  if (walk.has_started) {
    add_frame(walk.record, address);
  } else {
    walk.has_started = address == walk.start;
  }
  return walk.record.frame_count.load(std::memory_order_relaxed) < protocol::kMaxFrames ? _URC_NO_REASON
                                                                                        : _URC_END_OF_STACK;
}

struct Place {
  std::uint64_t instruction;
  std::uint64_t stack_pointer;
};
Place place_of(const ucontext_t& context) noexcept {
#if defined(__x86_64__)
  const auto& registers = context.uc_mcontext.gregs;
  return {static_cast<std::uint64_t>(registers[REG_RIP]), static_cast<std::uint64_t>(registers[REG_RSP])};
#elif defined(__aarch64__)
  return {context.uc_mcontext.pc, context.uc_mcontext.sp};
#else
#error "say where this machine keeps its instruction and stack pointers"
#endif
}

void write_record(int signal, const siginfo_t& info, const ucontext_t& context) noexcept {
  CrashRecord& record = state.words->crash;
  const Place place = place_of(context);
  record.code = info.si_code;
  record.address = reinterpret_cast<std::uint64_t>(info.si_addr);
  record.stack_pointer = place.stack_pointer;
  // release: as in module_of().
  record.signal.store(static_cast<std::uint32_t>(signal), std::memory_order_release);
  add_frame(record, place.instruction);
  Walk walk{.record = record, .start = place.instruction};
  ::_Unwind_Backtrace(&visit, &walk);
#if defined(__x86_64__)
  // Nothing is known of code at a place where none is: a call through a bad pointer. It left its return address.
  if (record.frame_count.load(std::memory_order_relaxed) == 1 && record.frames[0].module == protocol::kNoModule) {
    // Should the stack be bad too, this is where the handler ends.
    add_frame(record, *reinterpret_cast<const std::uint64_t*>(place.stack_pointer));
  }
#endif
}

// The signal arrives once more when this handler returns, with the registers and facts of the first time: a core dump
// shows the crash itself. (To return and let the instruction fail again would not do for traps and sent signals.)
void hand_on(int signal, siginfo_t* info) noexcept {
  const auto at = static_cast<std::size_t>(std::find(kSignals.begin(), kSignals.end(), signal) - kSignals.begin());
  ::sigaction(signal, &state.before[at], nullptr);
  if (::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::gettid(), signal, info) != 0) {
    ::syscall(SYS_tgkill, ::getpid(), ::gettid(), signal);
  }
}

void on_crash(int signal, siginfo_t* info, void* context) noexcept {
  const int saved_errno = errno;
  pid_t nobody = 0;
  if (is_this_process() && state.crashing.compare_exchange_strong(nobody, ::gettid())) {
    write_record(signal, *info, *static_cast<const ucontext_t*>(context));
  } else if (is_this_process() && nobody != ::gettid()) {
    for (int i = 0; i < kWaits; ++i) ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kWait, nullptr);
  }
  hand_on(signal, info);
  errno = saved_errno;
}

void write_termination() noexcept {
  protocol::TerminateRecord& record = state.words->terminate;
  const bool is_task_thread = ::gettid() == state.pid;
  auto kind = Termination::kNoException;
  if (const std::type_info* const type = abi::__cxa_current_exception_type()) {
    kind = is_task_thread ? Termination::kOutOfNoexcept : Termination::kUncaughtInThread;
    copy_text(record.type, type->name());
    try {
      throw;
    } catch (const std::exception& error) {
      copy_text(record.text, error.what());
    } catch (...) {  // it has no text
    }
  }
  // release: as in module_of().
  record.kind.store(static_cast<std::uint32_t>(kind), std::memory_order_release);
}

[[noreturn]] void on_terminate() noexcept {
  if (is_this_process() && !state.is_terminating.exchange(true)) write_termination();
  if (state.terminate_before != nullptr) state.terminate_before();
  std::abort();
}

void find_program() noexcept {
  const auto size = ::readlink("/proc/self/exe", state.program.data(), state.program.size());
  // No name is better than half of one.
  if (size < 0 || static_cast<std::size_t>(size) == state.program.size()) return state.program.fill('\0');
  state.program[static_cast<std::size_t>(size)] = '\0';
}

// The unwinder prepares itself when it is first used, with locks and memory.
void warm_unwinder() noexcept {
  ::_Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_NO_REASON; }, nullptr);
}

// An engine inside a task may have threads for workers, whose plugins are not this worker's.
bool is_noted_here() noexcept { return is_this_process() && !is_guest_thread(); }

}  // namespace

void install_crash_handler(protocol::LastWords& words) {
  // Never unmapped: handlers last as long as the process.
  void* const stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) support::raise_system_error(errno, "make a stack for the crash handler", "memory");
  const stack_t own{.ss_sp = stack, .ss_flags = 0, .ss_size = kStackBytes};
  ::sigaltstack(&own, nullptr);
  // Of a process that was forked from a worker, the handlers are these already.
  const bool is_first = state.words == nullptr;
  state.words = &words;
  state.pid = ::getpid();
  state.crashing = 0;
  state.is_terminating = false;
  state.plugin_maps.fill(nullptr);
  if (!is_first) return;
  find_program();
  warm_unwinder();

  struct sigaction action {};
  action.sa_sigaction = &on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  // A crash in the handler then ends the process at once, with what the record has.
  ::sigfillset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &state.before[i]);
    // What a copy of the host's program ignores does not end it.
    const bool is_ignored = (state.before[i].sa_flags & SA_SIGINFO) == 0 && state.before[i].sa_handler == SIG_IGN;
    if (!is_ignored) ::sigaction(kSignals[i], &action, nullptr);
  }
  state.terminate_before = std::set_terminate(&on_terminate);
}

void note_plugin_loading(std::size_t index) noexcept {
  if (is_noted_here()) state.loading = index;
}

void note_plugin_loaded(const void* inside) noexcept {
  if (!is_noted_here()) return;
  const std::size_t index = state.loading.exchange(kMaxPlugins);
  dl_find_object found;
  if (index >= kMaxPlugins || ::_dl_find_object(const_cast<void*>(inside), &found) != 0) return;
  state.plugin_maps[index] = found.dlfo_map_start;
}

}  // namespace bulkhead::worker
