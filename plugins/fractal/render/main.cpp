// bulkhead-fractal: renders the Mandelbrot set into a PNG file in worker processes, and shows how much faster it is with
// more of them. An example of a program that embeds the engine.

#include <CLI/CLI.hpp>
#include <bulkhead/engine.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>

#include "png_writer.hpp"
#include "progress_bar.hpp"
#include "render.hpp"

namespace {

enum ExitCode { kDone = 0, kTaskFailed = 1, kUsage = 2, kNoPlugin = 3, kNoEngineOrOutput = 4 };

struct Options {
  fractal::View view{.columns = 1920, .rows = 1080};
  int workers = bulkhead::usable_cpu_count();
  std::string output = "mandelbrot.png";
  std::string plugin;
  bool is_speed_up = false;
};

volatile std::sig_atomic_t is_interrupted = 0;

struct Interrupted {};

// Between two bands: the unfinished file is removed on the way out, the workers end with their pool.
void leave_when_interrupted() {
  if (is_interrupted != 0) throw Interrupted{};
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--width", options.view.columns, "of the picture")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("PIXELS")
      ->capture_default_str();
  app.add_option("--height", options.view.rows, "of the picture")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("PIXELS")
      ->capture_default_str();
  app.add_option_function<std::vector<double>>(
         "--center",
         [&](const std::vector<double>& center) {
           options.view.center_x = center[0];
           options.view.center_y = center[1];
         },
         "the point in the middle of the picture: X,Y (default -0.75,0)")
      ->delimiter(',')
      ->expected(2)
      ->type_name("X,Y");
  app.add_option_function<double>(
         "--zoom", [&](double zoom) { options.view.width /= zoom; }, "how many times larger than all of the set")
      ->check(CLI::Range(0.001, 1e15))
      ->type_name("FACTOR");
  app.add_option("--iterations", options.view.iterations, "after so many a point counts as one of the set")
      ->check(CLI::Range(1u, 1'000'000'000u))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--workers", options.workers, "processes (default: as many as there are CPUs to use)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  auto* const output =
      app.add_option("-o,--output", options.output, "the file to write")->type_name("FILE")->capture_default_str();
  app.add_flag("--speed-up", options.is_speed_up,
               "write no file; render with 1, 2, … workers, and tell how long it took")
      ->excludes(output);
  app.add_option("--plugin", options.plugin, "fractal.so (default: it is looked for on the plugin path)")
      ->type_name("FILE");
}

bulkhead::Engine engine_with(const std::string& plugin) {
  if (!plugin.empty()) return bulkhead::Engine::from_plugins({plugin});
  // By name, it is found on $BULKHEAD_PLUGIN_PATH, where plugins are installed, or where a build puts it.
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return bulkhead::Engine::from_manifest(
      bulkhead::parse_manifest("[[plugin]]\nname = \"fractal\"\n", "bulkhead-fractal"),
      {.plugin_dirs = {program.parent_path().parent_path() / "plugins"}});
}

void write_picture(bulkhead::Engine& engine, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  render::PngWriter png(options.output, options.view.columns, options.view.rows);
  {
    render::ProgressBar bar(options.view.rows);
    render::render(engine, options.view, options.workers, [&](const fractal::Tile& band, const auto& pixels) {
      leave_when_interrupted();
      png.write_rows(pixels);
      bar.show(band.y + band.height);
    });
  }
  png.finish();
  std::fprintf(stderr, "%s: %u x %u pixels in %.2f s with %d %s\n", options.output.c_str(), options.view.columns,
               options.view.rows, seconds_since(start), options.workers, options.workers == 1 ? "worker" : "workers");
}

// The pixels are not compressed here, which one process would do for all of them.
void show_speed_up(bulkhead::Engine& engine, const Options& options) {
  std::printf("workers  seconds  speed-up\n");
  double alone = 0;
  for (int workers = 1; workers <= options.workers; ++workers) {
    const auto start = std::chrono::steady_clock::now();
    render::render(engine, options.view, workers, [](const auto&, const auto&) { leave_when_interrupted(); });
    const double seconds = seconds_since(start);
    if (workers == 1) alone = seconds;
    std::printf("%7d  %7.2f  %8.2f\n", workers, seconds, alone / seconds);
    std::fflush(stdout);
  }
}

int fail(int exit_code, const char* what) {
  std::fprintf(stderr, "error: %s\n", what);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Renders the Mandelbrot set in worker processes.", "bulkhead-fractal");
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for) {
    return app.exit(asked_for);
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, error.what());
  }
  // Once: a second Ctrl-C ends the program as it always does.
  struct sigaction action {};
  action.sa_handler = [](int) { is_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  try {
    bulkhead::Engine engine = engine_with(options.plugin);
    options.is_speed_up ? show_speed_up(engine, options) : write_picture(engine, options);
    return kDone;
  } catch (const Interrupted&) {
    return 128 + SIGINT;
  } catch (const std::invalid_argument& error) {  // the task's: a view that makes no sense
    return fail(kUsage, error.what());
  } catch (const bulkhead::PluginError& error) {
    return fail(kNoPlugin, error.what());
  } catch (const bulkhead::TaskError& error) {
    return fail(kTaskFailed, error.what());
  } catch (const bulkhead::WorkerLost& error) {
    return fail(kTaskFailed, error.what());
  } catch (const std::exception& error) {
    return fail(kNoEngineOrOutput, error.what());
  }
}
