// The types that the archive and JSON targets decode: one for each way a value can be made of others, and those whose
// encoded form is much smaller than they are.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "unit/sdk/shared_types.hpp"

namespace bulkhead::fuzz {

// Encoded as nothing at all.
struct Nothing {
  template <class Archive>
  void serialize(Archive&) {}
};

// How many forms a value may have.
enum class Forms : std::uint8_t {
  kOne,
  kSorted,  // any order is read, one is written (sets and maps); any version is read, one is written
  kAny,     // whatever order a hash table has
};

// What is known of decoding a T, for a target to claim.
template <class T>
struct Known {
  // Bytes allocated in all, at most, for each byte that is there: what an element takes in memory for each byte of its
  // form, three times because vectors double.
  std::size_t cost_per_byte;
  Forms forms;
};

using Records = std::vector<std::tuple<std::int32_t, std::optional<std::string>, zoo::Colour>>;
using Choices = std::vector<std::variant<std::monostate, std::int16_t, std::string, zoo::Point>>;
using Chains = std::vector<zoo::Chain>;
using Tables = std::map<std::string, std::vector<double>>;
using Sets = std::tuple<std::set<std::int32_t>, std::unordered_map<std::int32_t, std::list<zoo::Celsius>>>;
using Scalars = std::tuple<bool, char, std::byte, float, std::chrono::milliseconds, std::filesystem::path,
                           std::array<std::uint16_t, 3>, std::pair<std::uint64_t, std::vector<std::byte>>>;
using Sparse = std::vector<std::optional<std::array<char, 64>>>;
using Deques = std::vector<std::deque<std::int8_t>>;

template <class Check>
void with_known_type(std::uint8_t choice, const Check& check) {
  switch (choice % 12) {
    case 0:
      return check(Known<Records>{64, Forms::kOne});
    case 1:
      return check(Known<Choices>{64, Forms::kOne});
    case 2:
      return check(Known<zoo::Tree>{32, Forms::kOne});
    case 3:
      return check(Known<Chains>{32, Forms::kOne});
    case 4:
      return check(Known<Tables>{32, Forms::kSorted});
    case 5:
      return check(Known<Sets>{64, Forms::kAny});
    case 6:
      return check(Known<Scalars>{32, Forms::kOne});
    case 7:
      return check(Known<Sparse>{256, Forms::kOne});
    case 8:
      return check(Known<std::vector<zoo::Derived>>{32, Forms::kSorted});
    case 9:
      return check(Known<Deques>{256, Forms::kOne});
    case 10:
      return check(Known<std::vector<std::vector<std::monostate>>>{32, Forms::kOne});
    default:
      return check(Known<std::vector<std::vector<Nothing>>>{32, Forms::kOne});
  }
}

}  // namespace bulkhead::fuzz

BULKHEAD_TYPE(bulkhead::fuzz::Nothing)
