// One call after another: hot, parked, and beside a busy neighbour.
#include <algorithm>
#include <memory>

#include "clocks.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"
#include "peers/python.hpp"
#include "slices.hpp"

namespace bulkhead::bench {

namespace {

constexpr double kHotUs = 2;  // a call that nobody slept in takes no longer

// Everybody who calls one at a time, us first. What is not there is told.
std::vector<PeerPtr> call_peers(Findings& findings, int workers) {
  std::vector<PeerPtr> peers;
  // Those who fork come before those who have threads.
  auto queue = make_message_queue(1);
  auto socket = make_seqpacket_worker();
  auto zeromq = make_zeromq_worker();
  peers.push_back(std::make_unique<BulkheadPool>(workers));
  peers.push_back(make_onetbb_arena());
  peers.push_back(make_asio_pool(1));
  peers.push_back(make_asio_pool(2));
  peers.push_back(make_std_async());
  peers.push_back(std::move(queue));
  peers.push_back(std::move(socket));
  peers.push_back(std::move(zeromq));
  if (!peers[1]) findings.notice("oneTBB was not there when this program was built: left out");
  if (!peers.back()) findings.notice("ZeroMQ was not there when this program was built: left out");
  std::erase(peers, nullptr);
  return peers;
}

const Rival* find_rival(const Figure& figure, std::string_view prefix) {
  const auto found =
      std::ranges::find_if(figure.rivals, [&](const Rival& rival) { return rival.name.starts_with(prefix); });
  return found == figure.rivals.end() ? nullptr : &*found;
}

void put_ratio(Findings& findings, std::string_view name, const Figure& from, std::string_view rival) {
  Figure& figure = findings.at(name);
  if (const Rival* const found = find_rival(from, rival)) {
    figure.value = found->ratio;
  } else {
    figure.missing = std::string(rival) + " was left out";
  }
}

// The smallest of the ratios to those whose names begin so.
void put_least_ratio(Findings& findings, std::string_view name, const Figure& from, std::string_view prefix) {
  Figure& figure = findings.at(name);
  for (const auto& rival : from.rivals) {
    if (rival.name.starts_with(prefix)) figure.value = std::min(figure.value.value_or(rival.ratio), rival.ratio);
  }
}

void run_hot(const Settings& settings, Findings& findings) {
  const auto python = PythonPools::start();
  if (!python) findings.notice("there is no python3: its pools are left out");
  const auto peers = call_peers(findings, 1);
  std::vector<Side> sides;
  for (const auto& peer : peers) sides.push_back(hot_side(*peer, settings));
  // Its process would keep a processor busy while others are measured.
  sides.push_back({"limit: raw spin on two cache lines", [&settings] {
                     const auto spin = make_raw_spin();
                     return time_hot_calls(*spin, settings.slice);
                   }});
  const auto semaphores = make_raw_semaphores();
  auto semaphore_side = hot_side(*semaphores, settings);
  semaphore_side.name = "limit: raw semaphores";
  sides.push_back(semaphore_side);
  const auto length = std::to_string(seconds(settings.slice));
  add_python_sides(sides, python.get(), [&](const std::string& pool) { return "call " + pool + " " + length; });
  const auto standings = hold_contest(sides, settings.rounds);
  const auto& ours = standings[0];
  Figure& hot = findings.at("apply.hot");
  put_standings(hot, standings, Better::kLower);
  hot.parameters = {{"workers", "1"}, {"payload", "int64"}, {"calls", std::to_string(ours.samples.size())}};
  findings.at("apply.hot_mean").value = ours.samples.mean();
  findings.at("apply.hot_p99").value = ours.samples.quantile(0.99);
  findings.at("apply.hot_share").value = 100 * ours.samples.share_at_most(kHotUs);
  put_least_ratio(findings, "apply.hot_vs_asio", hot, "boost::asio");
  put_ratio(findings, "apply.hot_vs_onetbb", hot, "oneTBB arena");
}

void run_hot_of_two(const Settings& settings, Findings& findings) {
  BulkheadPool two(2);
  const auto standings = hold_contest({hot_side(two, settings)}, settings.rounds);
  Figure& hot = findings.at("apply.hot_2_workers");
  put_standings(hot, standings, Better::kLower);
  hot.parameters = {{"workers", "2"}, {"payload", "int64"}, {"calls", std::to_string(standings[0].samples.size())}};
}

// Rounds of calls that come in turns, peer by peer.
std::vector<Standing> park(const std::vector<Peer*>& peers, const Settings& settings) {
  const int calls = settings.is_quick ? 10 : 20;
  std::vector<Standing> standings;
  for (const auto* peer : peers) standings.push_back({peer->name(), {}, Samples(0)});
  for (int round = 0; round < settings.rounds; ++round) {
    auto slices = time_parked_calls(peers, calls);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      standings[i].samples.add(slices[i].samples);
      slices[i].samples = Samples(0);
      standings[i].slices.push_back(std::move(slices[i]));
    }
  }
  return standings;
}

void run_parked(const Settings& settings, Findings& findings) {
  auto semaphores = make_raw_semaphores();
  const auto all = call_peers(findings, 1);
  std::vector<Peer*> peers;
  for (const auto& peer : all) peers.push_back(peer.get());
  // Next to us, so that the two are measured closest to one another.
  peers.insert(peers.begin() + 1, semaphores.get());
  const auto standings = park(peers, settings);
  const auto& ours = standings[0];
  const auto& limit = standings[1];
  Figure& parked = findings.at("apply.parked");
  put_standings(parked, standings, Better::kLower);
  parked.rivals.at(0).name = parked.distributions.at(1).name = "limit: raw semaphores";
  parked.parameters = {{"workers", "1"},
                       {"payload", "int64"},
                       {"calls", std::to_string(ours.samples.size())},
                       {"pause", std::to_string(kPause.count()) + " ms"}};
  findings.at("apply.parked_mean").value = ours.samples.mean();
  findings.at("apply.parked_p99").value = ours.samples.quantile(0.99);
  // The ratio above says how much better: this one how much more.
  findings.at("apply.parked_vs_semaphore").value = 1 / ratio_of(ours, limit, Better::kLower);
  findings.at("apply.parked_mean_vs_semaphore").value = 1 / ratio_of(ours, limit, Better::kLower, &Slice::mean);
}

// With somebody else at work on one of the processors.
void run_neighbour(const Settings& settings, Findings& findings) {
  auto semaphores = make_raw_semaphores();
  const auto neighbour = Child::fork_and_run([] {
    for (;;) relax_cpu();
  });
  BulkheadPool ours(1);
  const auto asio = make_asio_pool(1);
  const auto arena = make_onetbb_arena();
  std::vector<Side> sides{hot_side(ours, settings), hot_side(*asio, settings)};
  if (arena) sides.push_back(hot_side(*arena, settings));
  sides.push_back(hot_side(*semaphores, settings));
  sides.back().name = "limit: raw semaphores";
  const auto standings = hold_contest(sides, settings.rounds);
  Figure& busy = findings.at("apply.neighbour");
  put_standings(busy, standings, Better::kLower);
  busy.parameters = {{"workers", "1"}, {"payload", "int64"}, {"busy neighbours", "1"}};
  findings.at("apply.neighbour_mean").value = standings[0].samples.mean();
}

}  // namespace

Experiment apply_hot() {
  return {{{"apply.hot", "us", "apply in a loop: median", at_most(0.3)},
           {"apply.hot_mean", "us", "the same: mean"},
           {"apply.hot_p99", "us", "the same: 99 of 100 calls take at most this", at_most(2)},
           {"apply.hot_share", "%", "the same: calls that took at most 2 us", at_least(99)},
           {"apply.hot_vs_asio", "x", "the same, beside the faster boost::asio::thread_pool", at_least(80)},
           {"apply.hot_vs_onetbb", "x", "the same, beside oneTBB's hand-over to a caller that spins", at_least(2)}},
          run_hot};
}

Experiment apply_hot_2_workers() {
  return {{{"apply.hot_2_workers", "us", "apply in a loop with two workers: median"}}, run_hot_of_two};
}

Experiment apply_parked() {
  return {
      {{"apply.parked", "us", "apply when everybody sleeps: median"},
       {"apply.parked_mean", "us", "the same: mean"},
       {"apply.parked_p99", "us", "the same: 99 of 100 calls take at most this"},
       {"apply.parked_vs_semaphore", "times", "the same, as a multiple of a raw semaphore round trip", at_most(1.4)},
       {"apply.parked_mean_vs_semaphore", "times", "the same of the means", at_most(1.4)}},
      run_parked};
}

Experiment apply_neighbour() {
  return {{{"apply.neighbour", "us", "apply in a loop beside a process that keeps a processor busy: median"},
           {"apply.neighbour_mean", "us", "the same: mean"}},
          run_neighbour};
}

}  // namespace bulkhead::bench
