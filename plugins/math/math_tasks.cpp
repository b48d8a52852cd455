#include "math/math_tasks.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace math {
namespace {

[[noreturn]] void refuse_result(std::int64_t a, const char* operation, std::int64_t b) {
  throw std::overflow_error("cannot give " + std::to_string(a) + " " + operation + " " + std::to_string(b) +
                            ": the result does not fit 64 bits");
}

}  // namespace

std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) refuse_result(a, "+", b);
  return result;
}

std::int64_t sub(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_sub_overflow(a, b, &result)) refuse_result(a, "-", b);
  return result;
}

std::int64_t mul(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) refuse_result(a, "*", b);
  return result;
}

std::int64_t square(std::int64_t x) { return mul(x, x); }

std::int64_t divide(std::int64_t a, std::int64_t b) {
  if (b == 0) {
    throw std::domain_error("cannot divide " + std::to_string(a) + " by zero");
  }
  // The processor traps on this one (SIGFPE), as it does on a division by zero.
  if (a == std::numeric_limits<std::int64_t>::min() && b == -1) refuse_result(a, "/", b);
  return a / b;
}

double sqrt(double x) {
  if (x < 0.0) {
    throw std::domain_error("cannot take the square root of " + std::to_string(x) + ": it is negative");
  }
  return std::sqrt(x);
}

double hypot(double x, double y) { return std::hypot(x, y); }

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

std::vector<std::uint32_t> primes_below(std::uint32_t limit) {
  if (limit <= 2) return {};
  // Bit i stands for the odd number 2i + 1; those below `limit` are i < limit / 2.
  const std::size_t odd_count = limit / 2;
  std::vector<bool> is_composite(odd_count, false);
  for (std::size_t i = 1; 2 * i * (i + 1) < odd_count; ++i) {
    if (is_composite[i]) continue;
    const std::size_t prime = 2 * i + 1;
    // 2i(i + 1) stands for the prime's square; smaller multiples have a smaller factor.
    for (std::size_t j = 2 * i * (i + 1); j < odd_count; j += prime) is_composite[j] = true;
  }
  std::vector<std::uint32_t> primes{2};
  for (std::size_t i = 1; i < odd_count; ++i) {
    if (!is_composite[i]) primes.push_back(static_cast<std::uint32_t>(2 * i + 1));
  }
  return primes;
}

std::uint64_t fibonacci(std::uint32_t n) {
  constexpr std::uint32_t kLastThatFits = 93;
  if (n > kLastThatFits) {
    throw std::overflow_error("cannot give fibonacci number " + std::to_string(n) +
                              ": it does not fit 64 bits (93 is the last that does)");
  }
  std::uint64_t current = 0;
  std::uint64_t next = 1;
  for (std::uint32_t i = 0; i < n; ++i) {
    // The last round's `next` may wrap; it is never returned.
    const std::uint64_t after = current + next;
    current = next;
    next = after;
  }
  return current;
}

}  // namespace math
