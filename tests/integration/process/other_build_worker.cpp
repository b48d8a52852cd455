// A worker program that says it is of another build.
#include "worker/program.hpp"

int main(int argc, char** argv) {
  return bulkhead::worker::run_program({argv, static_cast<std::size_t>(argc)}, "0.0.9+feedface");
}
