// bulkhead map TASK [ARG…]: one task on many items.

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "argument_template.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "file_source.hpp"
#include "line_source.hpp"
#include "map_output.hpp"
#include "map_run.hpp"
#include "progress.hpp"

namespace bulkhead::cli {

namespace {

struct MapCommand {
  std::string input;
  bool has_lines = false;
  bool has_nuls = false;
  std::vector<std::string> folders;
  std::string file_as;
  std::string output;
  std::optional<int> processes;
  std::optional<int> chunk;
  bool is_unordered = false;
  std::string on_error = "skip";
  bool has_summary = false;
  bool as_json = false;
  std::vector<std::string> words;  // the task's name first

  [[nodiscard]] ItemForm form() const {
    if (!folders.empty()) return ItemForm::kFile;
    return has_lines || has_nuls ? ItemForm::kText : ItemForm::kJson;
  }
  [[nodiscard]] std::optional<FileAs> as() const {
    if (file_as.empty()) return std::nullopt;
    return file_as == "path" ? FileAs::kPath : file_as == "text" ? FileAs::kText : FileAs::kBytes;
  }
};

std::unique_ptr<ItemSource> make_source(const MapCommand& command, const Output& output, bool has_progress) {
  if (command.folders.empty()) {
    return std::make_unique<LineSource>(command.input, command.has_nuls ? '\0' : '\n', command.form());
  }
  return std::make_unique<FileSource>(
      command.folders,
      FileSource::Options{.counts_bytes = command.has_summary, .counts_ahead = has_progress, .result = &output});
}

void print_summary(const MapOutput& results, double seconds, bool as_json) {
  const double rate = seconds > 0 ? static_cast<double>(results.items()) / seconds : 0;
  if (as_json) {
    const nlohmann::ordered_json summary = {
        {"items", results.items()}, {"failed", results.failed()}, {"bytes", results.bytes()}, {"seconds", seconds}};
    std::fprintf(stderr, "%s\n", summary.dump().c_str());
    return;
  }
  const double megabytes = static_cast<double>(results.bytes()) / 1e6;
  std::fprintf(stderr, "%llu items, %llu failed, %.3f s, %.0f items/s, %.1f MB, %.1f MB/s\n",
               static_cast<unsigned long long>(results.items()), static_cast<unsigned long long>(results.failed()),
               seconds, rate, megabytes, seconds > 0 ? megabytes / seconds : 0);
}

int map(const Program& program, const MapCommand& command) {
  const std::string& task = command.words[0];
  Engine engine = open_engine_for(program.common, task);
  const Signature signature = parse_signature(find_task(engine, task).signature);
  const ArgumentTemplate arguments(task, signature, std::span(command.words).subspan(1), command.form(), command.as());

  Progress progress;
  std::optional<Output> output;
  command.output.empty() ? output.emplace() : output.emplace(command.output);
  const auto source = make_source(command, *output, progress.is_shown());
  MapOutput results(*output, command.form(), command.is_unordered || !command.folders.empty());

  program.interrupt->begin_orderly();
  Pool pool = engine.pool({.processes = command.processes});
  MapRun run(pool, *source, arguments, *output, results, progress, *program.interrupt,
             {.task = task,
              .chunk = command.chunk,
              .is_ordered = !command.is_unordered,
              .stops_at_error = command.on_error == "stop"});
  const bool is_complete = run.run();
  output->finish();
  if (is_complete) {
    pool.close();
  } else {
    pool.terminate();
  }
  pool.join();

  if (command.has_summary) print_summary(results, progress.seconds(), command.as_json);
  if (results.failed() == 0) return kDone;
  std::fprintf(stderr, "error: %s%s\n", results.failure_summary().c_str(),
               is_complete ? "" : " (stopped there: --on-error stop)");
  return kTaskFailed;
}

void add_input_options(CLI::App& app, MapCommand& command) {
  auto* const input = app.add_option("-i,--input", command.input, "read items from FILE (default: standard input)");
  input->type_name("FILE");
  auto* const lines = app.add_flag("--lines", command.has_lines, "every line is a text, not JSON");
  auto* const nuls =
      app.add_flag("-0,--null", command.has_nuls, "items are texts that end with NUL, as of find -print0");
  auto* const files = app.add_option_function<std::string>(
      "--files", [&command](const std::string& folder) { command.folders.push_back(folder); },
      "every regular file below DIR is an item (repeatable; links are not followed)");
  files->type_name("DIR")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)->trigger_on_parse();
  lines->excludes(nuls);
  for (auto* const other : {input, lines, nuls}) files->excludes(other);
  app.add_option("--as", command.file_as,
                 "what of a file is passed (default: a path parameter gets the path, bytes "
                 "the contents)")
      ->type_name("path|text|bytes")
      ->check(CLI::IsMember({"path", "text", "bytes"}))
      ->needs(files);
}

void add_run_options(CLI::App& app, MapCommand& command) {
  app.add_option("-j,--processes", command.processes, "worker processes (default: the manifest's, or one a CPU)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("--chunk", command.chunk, "items that travel together (default: by how long they take)")
      ->type_name("N")
      ->check(CLI::Range(1, 65536));
  app.add_flag("--unordered", command.is_unordered, "write each result as soon as it is there");
  app.add_option("--on-error", command.on_error, "go on with the other items, or stop at the first error")
      ->type_name("skip|stop")
      ->check(CLI::IsMember({"skip", "stop"}));
  app.add_option("-o,--output", command.output, "write results to FILE (default: standard output)")->type_name("FILE");
  auto* const summary = app.add_flag("--summary", command.has_summary, "counts, seconds and bytes on standard error");
  app.add_flag("--json", command.as_json, "the summary as JSON")->needs(summary);
}

}  // namespace

void add_map_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("map", "run one task on many items, in all CPUs");
  add_common_options(*command, program.common);
  auto parsed = std::make_shared<MapCommand>();
  add_input_options(*command, *parsed);
  add_run_options(*command, *parsed);
  // All after TASK is the task's, options too.
  command->prefix_command();
  command->footer(
      "Items are JSON Lines: a line is the argument, or the array of all where the task has several.\n"
      "{} in an ARG is the item. Results are JSON Lines in the order of the items; with --files or\n"
      "--unordered, and for an item that failed, a line is {\"item\":…,\"result\":…} or\n"
      "{\"item\":…,\"error\":{\"type\":…,\"text\":…}}.\n\n"
      "Examples:\n"
      "  bulkhead map --files /usr/include digest.sha256\n"
      "  bulkhead map --files photos -o small.jsonl img.resize {} 800\n"
      "  seq 1000 | bulkhead map math.square\n"
      "  printf '[1,2]\\n[3,4]\\n' | bulkhead map -p build/math.so math.add\n"
      "  find . -name '*.c' -print0 | bulkhead map -0 text.line_count");
  command->callback([&program, parsed, command] {
    parsed->words = task_words(*command);
    program.action = [&program, parsed] { return map(program, *parsed); };
  });
}

}  // namespace bulkhead::cli
