// One word per offered record: who has it, the worker or the host that took it back?
//
// Protocol
//
//   words[s % kClaims] decides about the record of sequence s: claimed(s) or revoked(s). A record
//   is "offered" while its word still holds what the lap before left (0 on the first lap; sequences
//   start at kClaims, so that no real word is 0). So the host never writes a word to offer, and the
//   line stays in the worker's cache.
//
//   worker  claims by compare-and-swap before it runs the record, in order
//   host    revokes by compare-and-swap from the word that it knows the lap before left
//
//   At most kClaims sequences are outstanding (offered, not settled): no word serves two records.
//
// [claim] Both sides compare-and-swap one word: exactly one of them wins. acq_rel: the winner sees
// what the other side did to the record before; on x86 it costs no more than relaxed.
//
// A word that is neither is the work of a broken worker: it counts as claimed, and condemns it.
//
// Ownership: neither side owns the words.
// Threads:   one worker thread; on the host, one thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ipc/atomic.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

inline constexpr std::uint64_t kClaims = 1024;
inline constexpr std::uint64_t kFirstSequence = kClaims;

using ClaimWords = std::array<Atomic<std::uint64_t>, kClaims>;
static_assert(sizeof(ClaimWords) == kClaims * sizeof(Atomic<std::uint64_t>));

namespace claim {
constexpr std::uint64_t claimed(std::uint64_t sequence) noexcept { return sequence << 2 | 1; }
constexpr std::uint64_t revoked(std::uint64_t sequence) noexcept { return sequence << 2 | 2; }
}  // namespace claim

class WorkerClaims {
 public:
  explicit WorkerClaims(ClaimWords& words) noexcept : words_(&words) {}

  // False: the host has taken the record back.
  [[nodiscard]] bool try_claim(std::uint64_t sequence) noexcept {
    auto& word = (*words_)[sequence % kClaims];
    // relaxed: only a guess; the compare-and-swap decides.
    std::uint64_t seen = word.load(std::memory_order_relaxed);
    if (seen == claim::revoked(sequence)) return false;
    BULKHEAD_FAULT_POINT("claim.claim");
    // [claim]
    return word.compare_exchange_strong(seen, claim::claimed(sequence), std::memory_order_acq_rel,
                                        std::memory_order_acquire);
  }

 private:
  ClaimWords* words_;
};

class HostClaims {
 public:
  enum class Revoke : std::uint8_t { kRevoked, kClaimed, kCorrupt };
  enum class State : std::uint8_t { kOffered, kClaimed, kRevoked, kCorrupt };

  // All words are 0.
  explicit HostClaims(ClaimWords& words) : words_(&words), known_(std::make_unique<Known>()) {}

  // kRevoked is final, and what it says if asked again. kCorrupt: counts as claimed; condemn the
  // worker.
  [[nodiscard]] Revoke try_revoke(std::uint64_t sequence) noexcept {
    std::uint64_t& known = (*known_)[sequence % kClaims];
    if (known == claim::revoked(sequence)) return Revoke::kRevoked;
    std::uint64_t seen = known;
    BULKHEAD_FAULT_POINT("claim.revoke");
    // [claim]
    if ((*words_)[sequence % kClaims].compare_exchange_strong(seen, claim::revoked(sequence), std::memory_order_acq_rel,
                                                              std::memory_order_acquire)) {
      BULKHEAD_FAULT_POINT("claim.revoked");
      known = claim::revoked(sequence);
      return Revoke::kRevoked;
    }
    return seen == claim::claimed(sequence) ? Revoke::kClaimed : Revoke::kCorrupt;
  }

  // What became of an outstanding record. Only stable once the worker is dead.
  [[nodiscard]] State state(std::uint64_t sequence) const noexcept {
    const std::uint64_t known = (*known_)[sequence % kClaims];
    if (known == claim::revoked(sequence)) return State::kRevoked;  // whatever the worker wrote since
    // [claim] acquire: what the worker wrote before it claimed is seen.
    const std::uint64_t seen = (*words_)[sequence % kClaims].load(std::memory_order_acquire);
    if (seen == claim::claimed(sequence)) return State::kClaimed;
    return seen == known ? State::kOffered : State::kCorrupt;
  }

  // The record's last reply was seen: its word may serve the next lap.
  void settle(std::uint64_t sequence) noexcept {
    BULKHEAD_FAULT_POINT("claim.settle");
    std::uint64_t& known = (*known_)[sequence % kClaims];
    if (known != claim::revoked(sequence)) known = claim::claimed(sequence);
  }

 private:
  using Known = std::array<std::uint64_t, kClaims>;

  ClaimWords* words_;
  // The host's own copy of what each word holds while its record is offered.
  std::unique_ptr<Known> known_;
};

}  // namespace bulkhead::ipc
