// Makes a program its own worker program, as multiprocessing's freeze_support() does: one file to
// ship.
//
//   int main(int argc, char** argv) {
//     if (const int status = bulkhead::worker_main(argc, argv); status >= 0) return status;
//     auto engine = bulkhead::Engine::from_plugins({"math.so"}, {.worker_program =
//     "/proc/self/exe"});
//     ...
//   }
//
// Call it first: before anything that starts threads, opens files or reads the arguments. Without
// it the engine uses the program "bulkhead-worker", which is nothing but this call.
#pragma once

namespace bulkhead {

// -1, at once: this process is no worker, go on with main(). Otherwise a worker has run to its end:
// return the value from main().
[[nodiscard]] int worker_main(int argc, char** argv);

}  // namespace bulkhead
