#include "pool/diagnosis.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "ipc/channel_layout.hpp"
#include "ipc/spin.hpp"
#include "support/byte_size.hpp"

namespace bulkhead {

namespace pool {

namespace {

using Verdict = Finding::Verdict;

// A worker: the process and its watcher. An engine: the warden and what it forks for a moment, the pump, the callbacks.
constexpr std::uint64_t kThreadsOfWorker = 2;
constexpr std::uint64_t kThreadsOfEngine = 6;
// Beside its rings: claim words, status, last words, and what the process itself touches.
constexpr std::uint64_t kMemoryOfWorker = std::uint64_t{6} << 20;

std::string text_of(std::uint64_t number) { return std::to_string(number); }

std::string mebibytes(std::uint64_t bytes) { return text_of((bytes + (1u << 20) - 1) >> 20) + " MiB"; }

std::string count_of(std::uint64_t count, const std::string& noun, const std::string& nouns) {
  return text_of(count) + " " + (count == 1 ? noun : nouns);
}

std::string workers_of(const Demand& demand) { return count_of(demand.workers, "worker", "workers"); }

Finding judge_processors(const Machine& machine, const Demand& demand) {
  const unsigned usable = std::min(machine.in_mask, machine.by_quota.value_or(machine.in_mask));
  std::string text = count_of(machine.processors, "processor", "processors") + ", usable " + text_of(usable);
  if (machine.in_mask < machine.processors) text += ", the affinity mask has " + text_of(machine.in_mask);
  if (machine.by_quota) text += ", the control group's quota is " + text_of(*machine.by_quota);
  text += "; " + workers_of(demand) + " asked for";
  Finding finding{.subject = "processors", .verdict = Verdict::kGood, .text = std::move(text), .help = {}};
  if (demand.workers > 4 * std::uint64_t{usable}) {
    finding.verdict = Verdict::kWarning;
    finding.help =
        "more workers than processors serve tasks that wait (for files, the network); for tasks that compute, " +
        text_of(usable) + " are as fast";
  }
  return finding;
}

Finding judge_waiting(const Machine& machine, const Demand& demand) {
  const unsigned usable = std::min(machine.in_mask, machine.by_quota.value_or(machine.in_mask));
  const auto budget = ipc::spin_budget(usable, demand.workers);
  Finding finding{.subject = "waiting", .verdict = Verdict::kGood, .text = {}, .help = {}};
  if (budget.host_pauses == 0) {
    finding.verdict = Verdict::kWarning;
    finding.text =
        "everybody sleeps at once: with one usable processor, looking would keep the other side from running";
    finding.help = "a call then costs two wake-ups (10 to 50 us); two processors make it less than 1 us";
    return finding;
  }
  finding.text = "before they sleep the host looks up to " + text_of(budget.host_pauses) + " times, a worker up to " +
                 text_of(budget.worker_pauses) + " times";
  finding.text += demand.workers > usable ? " (less, since workers outnumber processors)" : "";
  finding.text += "; who looks in vain looks less long the next time, so that an idle pool uses no processor";
  return finding;
}

Finding judge_memory(const Machine& machine, const Demand& demand) {
  const std::uint64_t rings = 2 * demand.ring_bytes * demand.workers;
  const std::uint64_t needed = rings + kMemoryOfWorker * demand.workers;
  const std::uint64_t there = std::min(machine.free_memory, machine.group_memory.left());
  const bool is_group = machine.group_memory.left() < machine.free_memory;
  Finding finding{.subject = "memory",
                  .verdict = Verdict::kGood,
                  .text = workers_of(demand) + " take about " + mebibytes(needed) + " (rings of " +
                          support::byte_size_text(demand.ring_bytes) + ": " + mebibytes(rings) +
                          ") without their plugins",
                  .help = {}};
  if (there != kUnlimited) {
    finding.text += ", " + mebibytes(there) + " can be had" + (is_group ? " in this control group" : "");
  }
  if (needed <= there / 2) return finding;
  finding.verdict = needed > there ? Verdict::kProblem : Verdict::kWarning;
  finding.help = std::string("use fewer workers, or smaller rings (ring_bytes), or ") +
                 (is_group ? "raise the control group's memory limit" : "a machine with more memory");
  return finding;
}

Finding judge_semaphores(const Machine& machine) {
  Finding finding{.subject = "semaphores",
                  .verdict = Verdict::kGood,
                  .text = "named semaphores can be made in /dev/shm",
                  .help = {}};
  if (machine.semaphores_error.empty()) return finding;
  finding.verdict = Verdict::kProblem;
  finding.text = machine.semaphores_error;
  finding.help = "mount a tmpfs on /dev/shm that this user may write to (docker: --shm-size, or --ipc=private)";
  return finding;
}

// How much of an allowance is wanted, and what to do where it is too much.
Finding judge_count(std::string subject, const std::string& nouns, const Allowance& allowance, std::uint64_t needed,
                    const Demand& demand, std::string help) {
  Finding finding{.subject = std::move(subject), .verdict = Verdict::kGood, .text = {}, .help = {}};
  finding.text = workers_of(demand) + " need about " + text_of(needed) + " " + nouns;
  finding.text += allowance.limit == kUnlimited
                      ? ", there is no limit"
                      : ", " + text_of(allowance.limit) + " are allowed and " + text_of(allowance.used) + " in use";
  if (needed <= allowance.left() / 2) return finding;
  finding.verdict = needed > allowance.left() ? Verdict::kProblem : Verdict::kWarning;
  finding.help = std::move(help);
  return finding;
}

Finding judge_descriptors(const Machine& machine, const Demand& demand) {
  const std::uint64_t needed = kDescriptorsOfEngine + (kDescriptorsOfWorker + kMoreWhileItStarts) * demand.workers;
  const std::uint64_t wanted = 2 * (machine.descriptors.used + needed);
  std::string help = "ulimit -n " + text_of(wanted);
  if (wanted > machine.descriptors.most) {
    help += " (this user may have " + text_of(machine.descriptors.most) +
            ": raise it in /etc/security/limits.conf, or LimitNOFILE of the service)";
  }
  help += "; large payloads take one more for each block that is kept";
  return judge_count("descriptors", "descriptors in the host", machine.descriptors, needed, demand, std::move(help));
}

Finding judge_processes(const Machine& machine, const Demand& demand) {
  const std::uint64_t needed = kThreadsOfEngine + kThreadsOfWorker * demand.workers;
  const bool is_group = machine.group_processes.left() < machine.processes.left();
  return judge_count("processes", "processes and threads", is_group ? machine.group_processes : machine.processes,
                     needed, demand,
                     is_group ? "raise the control group's pids.max (docker: --pids-limit; systemd: TasksMax)"
                              : "ulimit -u " + text_of(2 * (machine.processes.used + needed)));
}

Finding judge_kernel(const Machine& machine) {
  Finding finding{.subject = "kernel",
                  .verdict = Verdict::kGood,
                  .text = "Linux " + machine.kernel + " has every call that the engine needs",
                  .help = {}};
  if (machine.missing_call.empty()) return finding;
  finding.verdict = Verdict::kProblem;
  finding.text = "Linux " + machine.kernel + " refuses " + machine.missing_call;
  finding.help = "use Linux 5.9 or later; in a container, a seccomp profile that allows the call";
  return finding;
}

}  // namespace

std::vector<Finding> judge(const Machine& machine, const Demand& demand) {
  return {judge_processors(machine, demand),
          judge_waiting(machine, demand),
          judge_memory(machine, demand),
          judge_semaphores(machine),
          judge_descriptors(machine, demand),
          judge_processes(machine, demand),
          judge_kernel(machine)};
}

}  // namespace pool

std::vector<Finding> diagnose(const DiagnosisOptions& options) {
  if (options.processes < 0) {
    detail::raise<UsageError>("cannot diagnose for " + std::to_string(options.processes) +
                              " workers: 0 (as many as processors) or more are possible");
  }
  const std::uint64_t workers =
      options.processes > 0 ? static_cast<std::uint64_t>(options.processes) : ipc::usable_cpus();
  const std::uint64_t ring_bytes = options.ring_bytes > 0 ? options.ring_bytes : ipc::ChannelSizes{}.request_ring_bytes;
  return pool::judge(pool::read_machine(), {.workers = workers, .ring_bytes = ring_bytes});
}

const char* name_of(Finding::Verdict verdict) noexcept {
  switch (verdict) {
    case Finding::Verdict::kGood:
      return "good";
    case Finding::Verdict::kWarning:
      return "warning";
    case Finding::Verdict::kProblem:
      return "problem";
  }
  return "?";
}

}  // namespace bulkhead
