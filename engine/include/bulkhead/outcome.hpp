// What became of one item: its result, or its error.
#pragma once

#include <bulkhead/error.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace bulkhead {

namespace detail {
// UsageError: error() of a result.
[[noreturn]] void raise_no_error(std::uint64_t index);
}  // namespace detail

// Ownership: owns result or error. Copyable when R is.
// Threads:   const members any.
template <class R>
class [[nodiscard]] Outcome {
  // A task without a result succeeds with nothing.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

 public:
  // What `make` returns, or throws. Throws what is thrown and is no Error.
  template <class Make>
  [[nodiscard]] static Outcome of(std::uint64_t index, Make make) {
    Outcome outcome;
    outcome.index_ = index;
    try {
      if constexpr (std::is_void_v<R>) {
        make();
        outcome.value_.emplace();
      } else {
        outcome.value_.emplace(make());
      }
    } catch (const Error& error) {
      outcome.exception_ = std::current_exception();
      outcome.error_ = &error;  // lives in exception_
    }
    return outcome;
  }

  // Of the item in the input, from 0.
  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }
  // Whether there is a result.
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  // The same.
  explicit operator bool() const noexcept { return has_value(); }

  // The result (nothing for a task without one). Throws the error when there is none.
  std::conditional_t<std::is_void_v<R>, void, const Value&> value() const& {
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<R>) return *value_;
  }
  // The same, moved out.
  R value() && {
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<R>) return std::move(*value_);
  }

  // Lives as long as this outcome and its copies. Throws UsageError when there is a result.
  [[nodiscard]] const Error& error() const {
    if (error_ == nullptr) detail::raise_no_error(index_);
    return *error_;
  }
  // Null when there is a result.
  [[nodiscard]] std::exception_ptr exception_ptr() const noexcept { return exception_; }

 private:
  Outcome() = default;

  std::uint64_t index_ = 0;
  std::optional<Value> value_;
  std::exception_ptr exception_;
  const Error* error_ = nullptr;
};

}  // namespace bulkhead
