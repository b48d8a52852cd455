// The tasks that bulkhead-bench calls.
#include <bulkhead/plugin.hpp>
#include <bulkhead/shared_array.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

std::int64_t square(std::int64_t x) { return x * x; }

std::vector<std::byte> echo(std::vector<std::byte> data) { return data; }

// Reads none of them: what a hand-over costs is asked, not what reading costs.
std::uint64_t size_of(bulkhead::Bytes data) { return data.size(); }

// Keeps its worker busy, without using the processor, until it is cancelled.
void hold(bulkhead::TaskContext& task) {
  while (!task.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

BULKHEAD_PLUGIN("bench", "1.0.0", bulkhead::task("square", &square).doc("x * x").params("x"),
                bulkhead::task("echo", &echo).doc("the same bytes"),
                bulkhead::task("size_of", &size_of).doc("how many bytes a shared array has"),
                bulkhead::task("hold", &hold).doc("runs until it is cancelled"))
