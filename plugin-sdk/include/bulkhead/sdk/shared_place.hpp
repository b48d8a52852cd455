// How bytes name shared memory, and how the memory goes beside them. The archives need no more than this: what a shared
// array is, only those know who include bulkhead/shared_array.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

struct bulkhead_call;

namespace bulkhead::sdk {

class SharedMemory;

// Memory that encoded bytes name; whoever sends the bytes sends it too.
struct SharedRef {
  std::shared_ptr<SharedMemory> memory;
  bool is_writable = false;
  std::uint64_t id = 0;  // by which the bytes name it
  std::uint64_t bytes = 0;
  int fd = -1;  // the memory's, for reading unless is_writable
};
using SharedRefs = std::vector<SharedRef>;

// Where a reader finds the memory that its bytes name.
struct SharedSource {
  const bulkhead_call* call = nullptr;  // in a plugin
  const SharedRefs* refs = nullptr;     // in a host. Both null: nowhere
};

// The wire form of a shared array.
struct SharedPlace {
  std::uint64_t id = 0;      // of the memory; 0: the array is empty
  std::uint64_t offset = 0;  // of the first element, in bytes
  std::uint64_t count = 0;   // of elements
};
static_assert(sizeof(SharedPlace) == 24);

// Writes and reads one type of shared array: in bulkhead/shared_array.hpp.
template <class Array>
struct SharedArrayForm;

}  // namespace bulkhead::sdk
