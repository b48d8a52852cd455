#include "worker/program.hpp"

#include <cstdio>
#include <cstdlib>

#include "protocol/control.hpp"
#include "support/unique_fd.hpp"
#include "worker/bootstrap.hpp"
#include "worker/probe_main.hpp"
#include "worker/replay_main.hpp"
#include "worker/template_main.hpp"
#include "worker/trial_main.hpp"
#include "worker/warden_main.hpp"

namespace bulkhead::worker {

int run_program(std::span<char* const> arguments, std::string_view build) {
  if (arguments.size() < 2) return -1;
  const std::string_view role = arguments[1];
  if (role == protocol::kReplayArgument && arguments.size() == 4) {
    return run_replay(arguments[2], std::strtoul(arguments[3], nullptr, 10));
  }
  if (role == protocol::kTrialArgument && arguments.size() == 4) run_trial(arguments[2], arguments[3]);
  if (arguments.size() != 2) return -1;
  if (role == protocol::kWardenArgument) return warden_main(arguments, build);
  if (role == protocol::kWorkerArgument) return run_worker(support::UniqueFd(protocol::kSocketFd), build);
  if (role == protocol::kTemplateArgument)
    return run_template(support::UniqueFd(protocol::kSocketFd), arguments, build);
  if (role == protocol::kProbeArgument) return run_probe(support::UniqueFd(protocol::kSocketFd), build);
  return -1;
}

}  // namespace bulkhead::worker
