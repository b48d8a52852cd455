#include "bulkhead/worker_main.hpp"

#include "protocol/control.hpp"
#include "worker/program.hpp"

namespace bulkhead {

int worker_main(int argc, char** argv) {
  return worker::run_program({argv, static_cast<std::size_t>(argc)}, protocol::build_id());
}

}  // namespace bulkhead
