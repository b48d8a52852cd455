// The program "bulkhead-worker": started by the engine, never by people.
#include <cstdio>

#include "bulkhead/worker_main.hpp"

int main(int argc, char** argv) {
  const int status = bulkhead::worker_main(argc, argv);
  if (status >= 0) return status;
  std::fputs("bulkhead-worker: started by Bulkhead's engine only; nothing to do here\n", stderr);
  return 2;
}
