// The tasks of the tutorial: arithmetic that says so when a result does not fit.
//
// Ownership: none.
// Threads:   any; nothing is shared.
// Failure:   std::overflow_error when the result does not fit its type, std::domain_error when the
//            operation has no result for these arguments. A NaN is passed on, not an error.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace math {

[[nodiscard]] std::int64_t add(std::int64_t a, std::int64_t b);
[[nodiscard]] std::int64_t sub(std::int64_t a, std::int64_t b);
[[nodiscard]] std::int64_t mul(std::int64_t a, std::int64_t b);
[[nodiscard]] std::int64_t square(std::int64_t x);

// Towards zero, as in C++. The one quotient that does not fit is the least integer by -1.
[[nodiscard]] std::int64_t divide(std::int64_t a, std::int64_t b);

[[nodiscard]] double sqrt(double x);
[[nodiscard]] double hypot(double x, double y);

// From left to right in double precision: the same list gives the same sum on every machine.
[[nodiscard]] double sum(std::span<const double> values);

// Needs limit / 16 bytes beside its result.
[[nodiscard]] std::vector<std::uint32_t> primes_below(std::uint32_t limit);

// fibonacci(0) is 0, fibonacci(1) is 1; 93 is the last that fits.
[[nodiscard]] std::uint64_t fibonacci(std::uint32_t n);

}  // namespace math
