// The main job: digest every file of a tree. Whole programs, from start to end, with the same list of files.
#include <algorithm>
#include <stdexcept>

#include "child.hpp"
#include "contest.hpp"
#include "figures/figures.hpp"
#include "peers/shell_job.hpp"

namespace bulkhead::bench {

namespace {

using Words = std::vector<std::string>;

Words bulkhead_map() {
  return {BULKHEAD_BENCH_COMMAND, "-p", BULKHEAD_BENCH_DIGEST, "map", "-0", "-j", "2", "digest.sha256"};
}
Words xargs_openssl(std::size_t batch) {
  return {"xargs", "-0", "-P2", "-n", std::to_string(batch), "openssl", "dgst", "-sha256"};
}
Words parallel_openssl() { return {"parallel", "--will-cite", "-0", "-j2", "openssl", "dgst", "-sha256", "{}"}; }

Slice time_once(const Words& command, const std::vector<std::string>& paths) {
  Slice slice;
  slice.value = slice.mean = static_cast<double>(paths.size()) / time_job(command, paths);
  return slice;
}

// The batch size with which xargs is fastest here: the best of two runs each.
std::size_t best_batch(const std::vector<std::string>& paths, Curve& curve) {
  // As many as each of its two processes has to do is the most that makes sense.
  const std::size_t most = paths.size() / 2;
  std::vector<std::size_t> batches{most};
  for (std::size_t batch = 16; batch < most; batch *= 4) batches.insert(batches.end() - 1, batch);
  std::size_t best = most;
  double fastest = 0;
  for (const std::size_t batch : batches) {
    const auto once = [&] { return time_once(xargs_openssl(batch), paths).value; };
    const double speed = std::max(once(), once());
    curve.points.emplace_back(static_cast<double>(batch), speed);
    if (speed > fastest) {
      fastest = speed;
      best = batch;
    }
  }
  return best;
}

void run_main_job(const Settings& settings, Findings& findings) {
  if (!is_program("openssl") || !is_program("xargs")) throw std::runtime_error("there is no xargs or no openssl");
  const auto paths = files_below(settings.tree, settings.is_quick ? 4000 : 20'000);
  if (paths.size() < 100) throw std::runtime_error("\"" + settings.tree + "\" has fewer than 100 files (see --tree)");
  const int rounds = std::clamp(settings.rounds / 2, 1, 5);
  // Read once, so that nobody is the first.
  (void)time_job(bulkhead_map(), paths);
  Figure& figure = findings.at("main_job.files");
  Curve batches{"xargs", {}};
  const auto batch = best_batch(paths, batches);
  put_standings(figure,
                hold_contest({{"bulkhead map", [&] { return time_once(bulkhead_map(), paths); }},
                              {"xargs -P2 -n " + std::to_string(batch) + " openssl dgst",
                               [&] { return time_once(xargs_openssl(batch), paths); }}},
                             rounds),
                Better::kHigher);
  figure.cpu_us.reset();
  figure.rivals.at(0).cpu_us.reset();
  figure.parameters = {{"tree", settings.tree}, {"files", std::to_string(paths.size())}, {"workers", "2"}};
  figure.x_axis = "files in a batch";
  figure.y_axis = "files/s";
  figure.curves = {batches};
  findings.at("main_job.vs_xargs").value = figure.rivals.at(0).ratio;
  Figure& few = findings.at("main_job.vs_parallel");
  if (!is_program("parallel")) {
    findings.notice("there is no GNU parallel: it is left out");
    few.missing = "there is no GNU parallel";
    return;
  }
  // It needs milliseconds for each: a part of the tree is enough, for both.
  const std::vector<std::string> part(
      paths.begin(),
      paths.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(paths.size(), settings.is_quick ? 200 : 1000)));
  const auto standings =
      hold_contest({{"bulkhead map", [&] { return time_once(bulkhead_map(), part); }},
                    {"GNU parallel -j2, a file per job", [&] { return time_once(parallel_openssl(), part); }}},
                   rounds);
  few.value = ratio_of(standings[0], standings[1], Better::kHigher);
  few.parameters = {{"files", std::to_string(part.size())},
                    {"bulkhead files/s", std::to_string(static_cast<int>(standings[0].value()))},
                    {"parallel files/s", std::to_string(static_cast<int>(standings[1].value()))}};
}

}  // namespace

Experiment main_job() {
  return {{{"main_job.files", "files/s", "bulkhead map digest.sha256 over the files of a tree, from start to end"},
           {"main_job.vs_xargs", "x", "the same, beside xargs -P2 openssl dgst with its best batch size", at_least(1)},
           {"main_job.vs_parallel", "x", "the same for a part of it, beside GNU parallel with a file per job",
            at_least(3)}},
          run_main_job};
}

}  // namespace bulkhead::bench
