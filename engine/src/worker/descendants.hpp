// Ending everything below this process, and the names it may have left.
//
// Threads:   none may be running that waits for children.
#pragma once

#include <string>

#include "support/deadline.hpp"

namespace bulkhead::worker {

// Kills and reaps every child, also those that are adopted while it goes on (this process is a
// subreaper), until none is left or `deadline` passes.
void end_descendants(support::Deadline deadline);

// Removes a worker's doorbell by name; one that is gone already is fine.
void remove_doorbell(const std::string& name);

}  // namespace bulkhead::worker
