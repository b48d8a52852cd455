// Calls submitted ahead, each with a result of its own.
#include <algorithm>
#include <memory>

#include "clocks.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"
#include "peers/python.hpp"
#include "slices.hpp"

namespace bulkhead::bench {

namespace {

void run_throughput(const Settings& settings, Findings& findings) {
  const auto python = PythonPools::start();
  if (!python) findings.notice("there is no python3: its pools are left out");
  std::vector<PeerPtr> forking;
  forking.push_back(make_message_queue(1));
  forking.push_back(make_message_queue(2));
  forking.push_back(make_seqpacket_worker());
  forking.push_back(make_zeromq_worker());
  std::vector<PeerPtr> peers;
  peers.push_back(std::make_unique<BulkheadPool>(1));
  peers.push_back(std::make_unique<BulkheadPool>(2));
  peers.push_back(make_onetbb_task_group());
  peers.push_back(make_asio_pool(1));
  peers.push_back(make_asio_pool(2));
  for (auto& peer : forking) peers.push_back(std::move(peer));
  peers.push_back(make_std_async());
  if (!peers[2]) findings.notice("oneTBB was not there when this program was built: left out");
  std::erase(peers, nullptr);
  std::vector<Side> sides;
  for (const auto& peer : peers) sides.push_back(ahead_side(*peer, settings));
  const auto length = std::to_string(seconds(settings.slice));
  add_python_sides(
      sides, python.get(), [&](const std::string& pool) { return "ahead " + pool + " " + length; }, 1e6);
  auto standings = hold_contest(sides, settings.rounds);
  Figure& two = findings.at("throughput.2_workers");
  two.value = standings[1].value();
  two.cpu_us = standings[1].cpu_us();
  two.parameters = {{"workers", "2"}, {"payload", "int64"}};
  standings.erase(standings.begin() + 1);
  Figure& one = findings.at("throughput.1_worker");
  put_standings(one, standings, Better::kHigher);
  one.parameters = {{"workers", "1"}, {"payload", "int64"}, {"submitting threads", "1"}};
  Figure& best = findings.at("throughput.vs_best");
  Figure& group = findings.at("throughput.vs_onetbb");
  for (const auto& rival : one.rivals) {
    // A task group's tasks return nothing.
    if (rival.name.starts_with("oneTBB")) {
      group.value = rival.ratio;
    } else if (!best.value || rival.ratio < *best.value) {
      best.value = rival.ratio;
      best.parameters = {{"best", rival.name}};
    }
  }
  if (!group.value) group.missing = "oneTBB was left out";
}

}  // namespace

Experiment throughput() {
  return {
      {{"throughput.1_worker", "million/s", "apply_async + get, submitted ahead by one thread, 1 worker", at_least(10)},
       {"throughput.vs_best", "x", "the same, beside the best peer that returns a result per call", at_least(2.5)},
       {"throughput.vs_onetbb", "x", "the same, beside oneTBB's task_group", at_least(1)},
       {"throughput.2_workers", "million/s", "the same with 2 workers", at_least(5)}},
      run_throughput};
}

}  // namespace bulkhead::bench
