// How much memory could still be taken without the kernel killing somebody for it: the SDK's answer, whose shared arrays
// ask the same.
#pragma once

#include <bulkhead/sdk/available_memory.hpp>

namespace bulkhead::ipc {

using sdk::available_memory_bytes;
using sdk::can_reserve_memory;

}  // namespace bulkhead::ipc
