// The atomic words of rings, claims and parking.
//
// std::atomic, but for the test that explores every order of their accesses: it puts a type of its own in its place, in
// a program that nothing else of the engine is linked into.
#pragma once

#include <atomic>

namespace bulkhead::ipc {

#ifdef BULKHEAD_IPC_ATOMIC
template <class T>
using Atomic = BULKHEAD_IPC_ATOMIC<T>;
#else
template <class T>
using Atomic = std::atomic<T>;
#endif

}  // namespace bulkhead::ipc
