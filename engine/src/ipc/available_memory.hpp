// How much memory could still be taken without the kernel killing somebody for it.
#pragma once

#include <cstdint>

namespace bulkhead::ipc {

// Free memory and cache that can be dropped, and no more than the control group of this container
// may have. An estimate: others take memory too.
[[nodiscard]] std::uint64_t available_memory_bytes() noexcept;

// Linux reserves shared memory page by page and, instead of refusing what it does not have, kills
// processes; so this is asked first. Cheap (about a microsecond) while plenty is free.
[[nodiscard]] bool can_reserve_memory(std::uint64_t bytes) noexcept;

}  // namespace bulkhead::ipc
