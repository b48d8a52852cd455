// A coroutine that is an input range: single-pass, unsized, and it may throw.
#pragma once

#include <coroutine>
#include <exception>
#include <iterator>
#include <utility>

namespace bulkhead::test {

template <class T>
class Generator {
 public:
  struct promise_type {
    T* current = nullptr;
    std::exception_ptr error;
    Generator get_return_object() { return Generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T&& value) {
      current = &value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
  };

  explicit Generator(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Generator(Generator&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Generator() {
    if (coroutine_) coroutine_.destroy();
  }

  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit iterator(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) { advance(); }
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;
    T& operator*() const { return *coroutine_.promise().current; }
    iterator& operator++() {
      advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return coroutine_.done(); }

   private:
    void advance() {
      coroutine_.resume();
      if (auto error = std::exchange(coroutine_.promise().error, nullptr)) std::rethrow_exception(error);
    }
    std::coroutine_handle<promise_type> coroutine_;
  };
  iterator begin() { return iterator(coroutine_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace bulkhead::test
