// What this machine has for a pool, beside what the pool needs: for programs that want to say before they start why it will
// be slow or will not work. `bulkhead doctor` prints it.
//
//   for (const auto& finding : bulkhead::diagnose({.processes = 64})) {
//     if (finding.verdict != bulkhead::Finding::Verdict::kGood) std::cerr << finding.text << ": " << finding.help << "\n";
//   }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead {

// What diagnose() says of one subject.
struct Finding {
  // How bad it is.
  enum class Verdict : std::uint8_t {
    kGood,
    kWarning,  // it works, but slower, or only just
    kProblem,  // such a pool cannot start, or will fail under load
  };
  std::string
      subject;  // one word: "processors", "waiting", "memory", "semaphores", "descriptors", "processes", "kernel"
  Verdict verdict = Verdict::kGood;  // how bad it is
  std::string text;                  // what there is and what is needed, in one line
  std::string help;                  // what to do; empty where nothing is to be done
};

// What a pool is to be like.
struct DiagnosisOptions {
  int processes = 0;             // workers; 0: as many as processors that this process may use
  std::uint32_t ring_bytes = 0;  // as PoolOptions::ring_bytes; 0: the default
};

// One finding for each subject, in the order above. Starts nothing and leaves nothing behind; reads /proc, /sys and limits,
// which takes some milliseconds. What cannot be read is not found fault with. Any thread. Throws UsageError for a negative
// number of processes.
[[nodiscard]] std::vector<Finding> diagnose(const DiagnosisOptions& options = {});

// "good", "warning", "problem".
[[nodiscard]] const char* name_of(Finding::Verdict verdict) noexcept;

}  // namespace bulkhead
