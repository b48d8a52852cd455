// A coroutine that begins at once and that nobody waits for.
#pragma once

#include <coroutine>
#include <exception>

namespace bulkhead::test {

struct Coroutine {
  struct promise_type {
    Coroutine get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

}  // namespace bulkhead::test
