// The last step of a resumed map: a new output with one line per item, put in the old one's place.
//
// Items that failed and were run again have their new lines at the output's end. The new file is written beside the
// output, then the log says that it is complete, then it is renamed. A kill before the log's word leaves the old output
// and a file that nobody needs; after it, the next --resume does the renaming.
#pragma once

#include <string>

#include "job_history.hpp"
#include "job_log.hpp"

namespace bulkhead::cli {

// Finishes, or forgets, what a kill interrupted. Throws IoFailure.
void settle_assembly(const std::string& output, const JobHistory& history);

// Does nothing where the output is in order already. Requires: all lines are in the file. Throws IoFailure.
void assemble(const std::string& output, const JobHistory& history, JobLog& log);

}  // namespace bulkhead::cli
