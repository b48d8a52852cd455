// Handlers that leave word of a crash in shared memory before this process dies of it just as it would have.
//
// Signals and exceptions have no owner to ask, so this is one state for the whole process. Never in a thread worker: the
// host's signals are its own.
//
// Ownership: borrows the record, for as long as the process lives.
// Threads:   any may crash; the first to do so is told of. Only the installing thread has a stack of its own for it, so
//            in others a stack overflow leaves no word.
#pragma once

#include <cstddef>

#include "protocol/last_words.hpp"

namespace bulkhead::worker {

// Before plugins are loaded: one that sets its own handlers has them. Throws ResourceError when there is no memory for
// the handlers' stack.
void install_crash_handler(protocol::LastWords& words);

// So that addresses can be told by plugin, whose files have no names here: plugin `index` is loaded now, and `inside`
// lies in it. Without handlers nothing happens.
void note_plugin_loading(std::size_t index) noexcept;
void note_plugin_loaded(const void* inside) noexcept;

}  // namespace bulkhead::worker
