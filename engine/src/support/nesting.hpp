// How many workers lie between this process and the first host, counted in the environment: a plugin whose loading or
// initialiser makes an engine of itself would otherwise multiply without end.
//
// Threads: enter_worker() while its process has one; the others any.
#pragma once

namespace bulkhead::support {

inline constexpr int kDeepestNesting = 3;

// 0 in a host that no worker started.
[[nodiscard]] int nesting_depth() noexcept;

// This process is a worker, one deeper than whoever started it.
void enter_worker() noexcept;

}  // namespace bulkhead::support
