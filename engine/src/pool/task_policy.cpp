#include "pool/task_policy.hpp"

#include <algorithm>

#include "bulkhead/sdk/abi.h"

namespace bulkhead::pool {

namespace {

using std::chrono::nanoseconds;

// A plugin's 0 is "unset".
nanoseconds limit(const Setting<nanoseconds>& manifest, nanoseconds plugin) {
  return manifest.value.value_or(plugin > nanoseconds::zero() ? plugin : nanoseconds::max());
}

}  // namespace

detail::TaskPolicy task_policy(const plugin::TaskEntry& task, const Manifest& manifest) {
  const TaskDefaults defaults = task_defaults(manifest, task.name);
  // The author's number of retries is worth nothing where running the task twice may do harm; an operator's is taken
  // as word that it does none.
  const bool may_repeat = (task.flags & BULKHEAD_TASK_IDEMPOTENT) != 0 && task.retries > 0;

  detail::TaskPolicy policy;
  policy.max_timeout = manifest.max_timeout.value.value_or(nanoseconds::max());
  policy.timeout = capped_timeout(manifest, limit(defaults.timeout, task.timeout)).value_or(nanoseconds::max());
  policy.soft_timeout = limit(defaults.soft_timeout, task.soft_timeout);
  policy.retries = static_cast<std::uint32_t>(defaults.retries.value.value_or(may_repeat ? task.retries : 0));
  policy.priority = static_cast<std::uint8_t>(defaults.priority.value.value_or(detail::kDefaultPriority));
  policy.max_running = static_cast<std::uint32_t>(defaults.max_running.value.value_or(0));
  return policy;
}

}  // namespace bulkhead::pool
