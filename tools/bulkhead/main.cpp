// The bulkhead program: reads the command line, runs one command, and turns what went wrong into one line on stderr
// and an exit code.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "commands.hpp"
#include "failures.hpp"
#include "interrupt.hpp"

namespace {

using namespace bulkhead;
using namespace bulkhead::cli;

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTask:
    case ErrorCode::kWorkerLost:
    case ErrorCode::kTimeout:
    case ErrorCode::kTaskTimeout:
    case ErrorCode::kTaskCancelled:
    case ErrorCode::kPayload:
      return kTaskFailed;
    case ErrorCode::kTaskNotFound:
    case ErrorCode::kSignatureMismatch:
    case ErrorCode::kArgument:
    case ErrorCode::kManifest:
    case ErrorCode::kUsage:
      return kUsage;
    case ErrorCode::kPlugin:
      return kPluginFailed;
    case ErrorCode::kPoolClosed:
    case ErrorCode::kPoolBroken:
    case ErrorCode::kQueueFull:
    case ErrorCode::kResource:
      break;
  }
  return kCannotRun;
}

int complain(std::string_view text, int exit_code) {
  // A manifest's errors come with their own heading.
  const char* const heading = text.starts_with("error: ") ? "" : "error: ";
  std::fprintf(stderr, "%s%.*s\n", heading, static_cast<int>(text.size()), text.data());
  return exit_code;
}

int run(const Program& program) {
  try {
    return program.action();
  } catch (const Error& error) {
    return complain(error.what(), exit_code_of(error.code()));
  } catch (const UsageFailure& failure) {
    return complain(failure.what(), kUsage);
  } catch (const IoFailure& failure) {
    return complain(failure.what(), kCannotRun);
  } catch (const OutputClosed&) {
    return kDone;
  } catch (const Interrupted& interrupted) {
    return kSignalled + interrupted.signal;
  } catch (const std::exception& error) {
    return complain(error.what(), kCannotRun);
  }
}

// CLI11 does not know that TASK and its arguments follow.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = Formatter::make_usage(app, std::move(name));
    if (!app->get_prefix_command()) return usage;
    const char* const words = app->get_name() == "chaos" ? " [TASK [ARG...]]" : " TASK [ARG...]";
    usage.insert(usage.find_last_not_of('\n') + 1, words);
    return usage;
  }
};

void describe(CLI::App& app, Program& program) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", "bulkhead " BULKHEAD_VERSION, "print the version and leave");
  app.set_help_all_flag("--help-all", "the help of all commands");
  app.require_subcommand(0, 1);
  add_common_options(app, program.common);
  add_tasks_command(app, program);
  add_call_command(app, program);
  add_map_command(app, program);
  add_chaos_command(app, program);
  add_replay_command(app, program);
  add_plugin_command(app, program);
  add_config_command(app, program);
  add_doctor_command(app, program);
  add_clean_command(app, program);
  add_completion_command(app, program);
  app.footer(
      "Examples:\n"
      "  bulkhead tasks -p build/math.so\n"
      "  bulkhead call -p build/math.so math.add 2 3\n"
      "  bulkhead map --files photos -o digests.jsonl digest.sha256\n\n"
      "Exit code: 0 done; 1 a task failed; 2 usage or manifest; 3 a plugin could not be used;\n"
      "4 the engine could not run; 130 interrupted.");
}

}  // namespace

int main(int argc, char** argv) {
  Program program;
  CLI::App app("Runs the tasks of plugins in worker processes: a crash costs one item, not the job.", "bulkhead");
  try {
    describe(app, program);
    app.parse(argc, argv);
    if (!program.action) {
      std::fputs(app.help().c_str(), stderr);
      return kUsage;
    }
    program.interrupt = &Interrupt::install();
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n')) text[at] = ' ';
    return complain(text + " (see bulkhead --help)", kUsage);
  } catch (const UsageFailure& failure) {
    return complain(failure.what(), kUsage);
  } catch (const std::exception& error) {
    return complain(error.what(), kCannotRun);
  }
  return run(program);
}
