#include "loader_trace.hpp"

#include <cxxabi.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

#include "watched_child.hpp"

namespace bulkhead::cli {

namespace {

// The loader that started this program: the workers' too.
std::string loader_program() {
  std::string path;
  const auto look_at = [](dl_phdr_info* program, std::size_t, void* found) {
    for (std::size_t i = 0; i < program->dlpi_phnum; ++i) {
      const auto& segment = program->dlpi_phdr[i];
      if (segment.p_type != PT_INTERP) continue;
      *static_cast<std::string*>(found) = reinterpret_cast<const char*>(program->dlpi_addr + segment.p_vaddr);
    }
    return 1;  // the first is the program itself
  };
  ::dl_iterate_phdr(look_at, &path);
  return path;
}

std::string spelled(const std::string& symbol) {
  constexpr std::size_t kLongest = 1024;  // what is longer may take very long to write out
  if (symbol.size() > kLongest) return symbol;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && text ? std::string(text.get()) : symbol;
}

void read_line(std::string_view line, const std::string& file, LoaderTrace& trace) {
  constexpr std::string_view kMissing = " => not found";
  constexpr std::string_view kUndefined = "undefined symbol: ";
  if (line.ends_with(kMissing)) {
    line.remove_suffix(kMissing.size());
    line.remove_prefix(std::min(line.find_first_not_of("\t "), line.size()));
    trace.missing.emplace_back(line);
    return;
  }
  // "undefined symbol: NAME\t(FILE)", of every library it looks at.
  const auto at = line.find(kUndefined);
  const auto end = line.find_first_of("\t,", at);
  if (at == std::string_view::npos || end == std::string_view::npos || line.find(file, end) == std::string_view::npos) {
    return;
  }
  const auto begin = at + kUndefined.size();
  trace.undefined.push_back(spelled(std::string(line.substr(begin, end - begin))));
}

}  // namespace

std::optional<LoaderTrace> trace_loader(const std::string& file) {
  const std::string loader = loader_program();
  if (loader.empty()) return std::nullopt;
  // A name without a slash would be looked for on the library path.
  const std::string path = std::filesystem::absolute(file).lexically_normal();
  constexpr std::array<int, 2> kBoth{STDOUT_FILENO, STDERR_FILENO};
  const auto child = run_watched(kBoth, std::chrono::seconds(30), [&] {
    ::setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
    ::setenv("LD_WARN", "yes", 1);
    ::setenv("LD_BIND_NOW", "yes", 1);
    ::unsetenv("LD_PRELOAD");  // what it brings along no worker has
    ::execl(loader.c_str(), loader.c_str(), path.c_str(), nullptr);
    return 127;
  });
  if (child.was_too_slow || child.status != 0) return std::nullopt;
  LoaderTrace trace;
  for (const auto& written : child.written) {
    for (std::string_view rest = written.text; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      read_line(rest.substr(0, end), path, trace);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (auto* const list : {&trace.missing, &trace.undefined}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return trace;
}

}  // namespace bulkhead::cli
