// bulkhead call TASK [ARG…]: one task, once.

#include <CLI/CLI.hpp>
#include <memory>
#include <span>

#include "arguments.hpp"
#include "call_limits.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

struct CallCommand {
  bool all_json = false;
  bool is_raw = false;
  CallLimits limits;
  std::vector<std::string> words;  // the task's name first
};

std::string arguments_of(const CallCommand& command, const Signature& signature) {
  const auto words = std::span(command.words).subspan(1);
  check_count(command.words[0], signature, words);
  const auto form = command.all_json ? Words::kAllJson : Words::kBySignature;
  std::string json = "[";
  bool has_read_stdin = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) json += ',';
    if (words[i] != "-") {
      append_argument(json, signature, i + 1, words[i], form);
      continue;
    }
    if (has_read_stdin) throw UsageFailure("only one argument can be \"-\": standard input is read once");
    has_read_stdin = true;
    std::string text = read_stdin();
    // echo's newline is no part of a file's name.
    if (signature.parameters[i].kind == Kind::kPath && text.ends_with('\n')) text.pop_back();
    append_argument(json, signature, i + 1, text, form);
  }
  return json + "]";
}

// The engine calls text that fits no parameter a PayloadError; here, where a person typed it, it is a usage error.
[[noreturn]] void rethrow_as_usage(const PayloadError& error) {
  const std::string_view text = error.what();
  if (text.find("could not decode its arguments") != std::string_view::npos) throw UsageFailure(std::string(text));
  throw;
}

int call(const Program& program, const CallCommand& command) {
  const std::string& task = command.words[0];
  Engine engine = open_engine_for(program.common, task);
  const Signature signature = parse_signature(find_task(engine, task).signature);
  const std::string arguments = arguments_of(command, signature);

  Interrupt& interrupt = *program.interrupt;
  interrupt.begin_orderly();
  Pool pool = engine.pool({.processes = 1, .dead_letters = command.limits.dead_letters});
  CallOptions<void> options = command.limits.options();
  options.on_result = [&interrupt] { interrupt.notify(); };
  const auto result = pool.map_json_async(task, std::span(&arguments, 1), std::move(options));
  while (interrupt.notified() == 0) {
    interrupt.sleep(0, std::chrono::milliseconds(-1));
    interrupt.check();
  }
  auto outcome = std::move(result.get().front());
  try {
    if (outcome.error) std::rethrow_exception(outcome.error);
  } catch (const PayloadError& error) {
    rethrow_as_usage(error);
  }

  Output output;
  std::string text;
  if (command.is_raw && signature.result != Kind::kJson && text_of_json(outcome.result, text)) {
    output.buffer() += text;
    // Bytes are passed on as they are; a text becomes a line.
    if (signature.result != Kind::kBytes) output.buffer() += '\n';
  } else {
    output.add_line(on_one_line(std::move(outcome.result)));
  }
  output.finish();
  pool.close();
  pool.join();
  return kDone;
}

}  // namespace

void add_call_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("call", "run one task and print its result as JSON");
  add_common_options(*command, program.common);
  auto parsed = std::make_shared<CallCommand>();
  command->add_flag("-J,--all-json", parsed->all_json, "every argument is JSON, texts too");
  command->add_flag("-r,--raw", parsed->is_raw, "print a text without quotes, and bytes as they are");
  add_call_limits(*command, parsed->limits);
  // All after TASK is the task's: CLI11 would take -1 for an option and split [1,2,3].
  command->prefix_command();
  command->footer(
      "All after TASK are its arguments, by its signature: a str, path or bytes is the word as it\n"
      "stands, everything else is JSON. The word - reads standard input.\n\n"
      "Examples:\n"
      "  bulkhead call -p build/math.so math.add 2 3\n"
      "  bulkhead call math.sum '[1.5, 2.5]'\n"
      "  bulkhead call -r digest.sha256 /etc/passwd\n"
      "  bulkhead call --timeout 5s --retries 2 digest.sha256 /mnt/slow/file\n"
      "  bulkhead call digest.sha256_bytes - < /etc/passwd");
  command->callback([&program, parsed, command] {
    parsed->words = task_words(*command);
    program.action = [&program, parsed] { return call(program, *parsed); };
  });
}

}  // namespace bulkhead::cli
