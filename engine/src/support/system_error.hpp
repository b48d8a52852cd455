// Turns a failed system call into the error its caller throws.
#pragma once

#include <string>

namespace bulkhead::support {

// "No space left on device": errno's text, whatever the locale.
[[nodiscard]] std::string errno_text(int error_number);

// Throws ResourceError: "cannot <what>: <errno's text> (<hint>)". `resource` names what ran out ("memory",
// "descriptors", "processes"); the hint is chosen from the error number where the caller gives none.
[[noreturn]] void raise_system_error(int error_number, const std::string& what, const std::string& resource,
                                     const std::string& hint = {});

}  // namespace bulkhead::support
