#include "peers/python.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bulkhead::bench {

namespace {

constexpr int kPatienceMs = 60'000;

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "no pipe");
  return ends;
}

}  // namespace

std::unique_ptr<PythonPools> PythonPools::start() {
  if (!is_program("python3")) return nullptr;
  const auto commands = make_pipe();
  const auto answers = make_pipe();
  auto child = Child::run_program({"python3", BULKHEAD_BENCH_PYTHON}, commands[0], answers[1]);
  ::close(commands[0]);
  ::close(answers[1]);
  std::unique_ptr<PythonPools> pools(new PythonPools(std::move(child), commands[1], answers[0]));
  if (pools->read_line() != "ready") throw std::runtime_error("Python's pools did not start");
  return pools;
}

PythonPools::PythonPools(Child child, int commands, int answers)
    : child_(std::move(child)), commands_(commands), answers_(answers) {}

PythonPools::~PythonPools() {
  ::close(commands_);
  ::close(answers_);
}

std::string PythonPools::read_line() {
  for (;;) {
    if (const auto end = pending_.find('\n'); end != std::string::npos) {
      auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    pollfd readable{answers_, POLLIN, 0};
    std::array<char, 65536> buffer;
    if (::poll(&readable, 1, kPatienceMs) <= 0) throw std::runtime_error("Python's pools do not answer");
    const auto got = ::read(answers_, buffer.data(), buffer.size());
    if (got <= 0) throw std::runtime_error("Python's pools have ended (their error is above)");
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Slice PythonPools::ask(const std::string& command) {
  const auto line = command + "\n";
  if (::write(commands_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("Python's pools cannot be written to");
  }
  std::istringstream answer(read_line());
  std::string kind;
  answer >> kind;
  Slice slice;
  if (kind == "rate") {
    answer >> slice.value >> slice.cpu_us;
  } else {
    answer >> slice.cpu_us;
    for (double us = 0; answer >> us;) slice.samples.add(us);
    slice.value = slice.samples.median();
    slice.mean = slice.samples.mean();
  }
  return slice;
}

void add_python_sides(std::vector<Side>& sides, PythonPools* python,
                      const std::function<std::string(const std::string& pool)>& command_for, double scale) {
  if (python == nullptr) return;
  for (const auto& [pool, name] :
       {std::pair<std::string, std::string>{"multiprocessing", "Python multiprocessing.Pool"},
        {"futures", "Python ProcessPoolExecutor"}}) {
    sides.push_back({name + ", 2 workers", [python, command = command_for(pool), scale] {
                       auto slice = python->ask(command);
                       slice.value /= scale;
                       return slice;
                     }});
  }
}

}  // namespace bulkhead::bench
