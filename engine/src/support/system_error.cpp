#include "support/system_error.hpp"

#include <cerrno>
#include <system_error>

#include "bulkhead/error.hpp"

namespace bulkhead::support {

namespace {

const char* usual_hint(int error_number) {
  switch (error_number) {
    case EMFILE:
      return "raise the limit on open files: ulimit -n";
    case ENFILE:
      return "the machine's table of open files is full";
    case EAGAIN:
      return "raise the limit on processes (ulimit -u, or the control group's pids.max)";
    case ENOMEM:
    case ENOSPC:
      return "free memory, or ask for fewer workers";
    default:
      return "";
  }
}

}  // namespace

std::string errno_text(int error_number) { return std::generic_category().message(error_number); }

void raise_system_error(int error_number, const std::string& what, const std::string& resource,
                        const std::string& hint) {
  const std::string advice = hint.empty() ? usual_hint(error_number) : hint;
  std::string text = "cannot " + what + ": " + errno_text(error_number);
  if (!advice.empty()) text += " (" + advice + ")";
  detail::raise<ResourceError>(std::move(text), {.resource = resource, .hint = advice});
}

}  // namespace bulkhead::support
