// bulkhead map TASK [ARG…]: one task on many items.

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "argument_template.hpp"
#include "call_limits.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "file_source.hpp"
#include "job_record.hpp"
#include "line_source.hpp"
#include "map_output.hpp"
#include "map_run.hpp"
#include "map_summary.hpp"
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
  std::string job_log;
  bool resumes = false;
  CallLimits limits;
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

std::unique_ptr<ItemSource> make_source(const MapCommand& command, JobRecord& record, bool has_progress) {
  if (command.folders.empty()) {
    return std::make_unique<LineSource>(command.input, command.has_nuls ? '\0' : '\n', command.form());
  }
  std::vector<const Output*> results = {&record.output()};
  if (const auto* log = record.log()) results.push_back(&log->file());
  return std::make_unique<FileSource>(command.folders, FileSource::Options{.counts_bytes = command.has_summary,
                                                                           .counts_ahead = has_progress,
                                                                           .results = std::move(results)});
}

// What must not change between a run and the one that resumes it.
std::string identity_of(const MapCommand& command) {
  const char* const form = !command.folders.empty() ? "files"
                           : command.has_nuls       ? "null"
                           : command.has_lines      ? "lines"
                                                    : "json";
  const nlohmann::ordered_json identity = {
      {"task", command.words[0]},
      {"arguments", std::vector<std::string>(command.words.begin() + 1, command.words.end())},
      {"items", form},
      {"as", command.file_as},
      {"order", command.is_unordered ? "any" : "input"}};
  return identity.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int map(const Program& program, const MapCommand& command) {
  const std::string& task = command.words[0];
  CommonOptions common = program.common;
  // Of two threads the second would be woken for every chunk only to wake the first.
  common.callbacks = Callbacks::kManual;
  Engine engine = open_engine_for(common, task);
  const Signature signature = parse_signature(find_task(engine, task).signature);
  const ArgumentTemplate arguments(task, signature, std::span(command.words).subspan(1), command.form(), command.as());

  Progress progress;
  JobRecord record({.log = command.job_log,
                    .output = command.output,
                    .resumes = command.resumes,
                    .is_ordered = !command.is_unordered,
                    .identity = identity_of(command)});
  const auto source = make_source(command, record, progress.is_shown());
  MapOutput results(record, command.form(), command.is_unordered || !command.folders.empty());

  program.interrupt->begin_orderly();
  // It bounds by itself what waits for a worker; a limit of the manifest's would only stall or end it.
  Pool pool = engine.pool({.processes = command.processes,
                           .max_pending = kNoLimit,
                           .max_pending_bytes = kNoLimit,
                           .dead_letters = command.limits.dead_letters});
  MapRun run(engine, pool, *source, arguments, record.output(), results, progress, *program.interrupt,
             {.task = task,
              .chunk = command.chunk,
              .is_ordered = !command.is_unordered,
              .stops_at_error = command.on_error == "stop",
              .limits = command.limits});
  const bool is_complete = run.run();
  const PoolStats stats = pool.stats();
  if (is_complete) {
    record.finish();
    pool.close();
  } else {
    record.output().finish();
    pool.terminate();
  }
  pool.join();

  if (command.has_summary) {
    const auto text = command.as_json ? &summary_json : &summary_text;
    std::fprintf(stderr, "%s\n", text(results, stats, progress.seconds()).c_str());
  }
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
  add_call_limits(app, command.limits);
  auto* const output =
      app.add_option("-o,--output", command.output, "write results to FILE (default: standard output)");
  output->type_name("FILE");
  auto* const summary =
      app.add_flag("--summary", command.has_summary, "counts, seconds, bytes and run times on standard error");
  app.add_flag("--json", command.as_json, "the summary as JSON")->needs(summary);
  auto* const job_log = app.add_option("--joblog", command.job_log, "append a line of JSON to FILE for each item done");
  job_log->type_name("FILE");
  app.add_flag("--resume", command.resumes, "go on where the job log ends: see below")->needs(job_log)->needs(output);
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
      "With --joblog and -o, --resume goes on after a crash, a kill -9 or Ctrl-C at any moment: items\n"
      "that the log tells of as done are not run again, those that failed are, and in the end the\n"
      "output has one line per item, in input order unless --unordered. Items that were running at\n"
      "the kill may run a second time, and so may those whose results were not written yet: 50 ms of\n"
      "them, and in input order all (512 a worker at most) that waited for a slower one before them.\n"
      "So the task should be one that may run twice. The command and its input must be the same (items may be added at "
      "the\n"
      "end); else it is refused. Until the end, lines of items run again stand at the output's end.\n"
      "A computer that loses power may lose what the system had not put on disk yet.\n\n"
      "Examples:\n"
      "  bulkhead map --files /usr/include digest.sha256\n"
      "  bulkhead map --files photos -o small.jsonl img.resize {} 800\n"
      "  seq 1000 | bulkhead map math.square\n"
      "  printf '[1,2]\\n[3,4]\\n' | bulkhead map -p build/math.so math.add\n"
      "  find . -name '*.c' -print0 | bulkhead map -0 text.line_count\n"
      "  bulkhead map --timeout 30s --retries 2 -i urls.jsonl -o pages.jsonl web.fetch\n"
      "  bulkhead map --joblog job.log --resume -i big.jsonl -o out.jsonl img.resize {} 800");
  command->callback([&program, parsed, command] {
    parsed->words = task_words(*command);
    program.action = [&program, parsed] { return map(program, *parsed); };
  });
}

}  // namespace bulkhead::cli
