# Takes the code out of a document, or out of the comments of headers, and makes something of it that can be built.
#   awk -v out=DIR -v name=engine/README.md -v plugins='"math.so"' -f extract.awk engine/README.md
#   awk -v out=DIR -v headers=1 -f extract.awk pool.hpp options.hpp
#
# In a document (with only_examples=1 the first two are left to others):
#   <!-- file: NAME -->   the block that follows is the file DIR/NAME
#   <!-- run: COMMAND --> the block that follows shows what the command writes: DIR/runs/N.command and N.expected
#   ```cpp                any other C++ is an example. With a main() it is the program DIR/program_N.cpp, else the body
#                         of a function of DIR/examples.cpp, which has an `engine` with `plugins` unless it makes one
#   ```text               the output that the example before it must have: DIR/expected/N
# In headers: what is indented by exactly three spaces in a comment, with what follows it at least as deep. It is to
# compile, in a function that has an `engine` and a `pool`.
function begin_example() {
  count++
  body = ""
  begun_at = FNR + 1
  has_main = has_engine = 0
  example_file = headers ? FILENAME : name
}
function add_line(line) {
  if (line ~ /^#include/ && !headers) {
    includes = includes line "\n"
    body = body "\n"  # keeps the line numbers
    plain = plain line "\n"
    return
  }
  if (line ~ /^int main\(/) has_main = 1
  if (line ~ /Engine::/) has_engine = 1
  body = body line "\n"
  plain = plain line "\n"
}
function end_example(  file) {
  if (has_main) {
    file = out "/program_" count ".cpp"
    printf "#line %d \"%s\"\n%s", begun_at, example_file, plain > file
    close(file)
    programs = programs count "\n"
  } else {
    functions = functions sprintf("void example_%d(%s) {\n", count, headers ? "bulkhead::Engine& engine, bulkhead::Pool& pool" : "")
    if (headers) {
      functions = functions "  (void)engine, (void)pool;\n"
    } else if (!has_engine) {
      functions = functions "  auto engine = bulkhead::Engine::from_plugins({" plugins "});\n"
    }
    functions = functions sprintf("{\n#line %d \"%s\"\n%s}\n}\n\n", begun_at, example_file, body)
    table = table sprintf("    case %d: example_%d(); return 0;\n", count, count)
  }
  plain = ""
}

headers && /^ *\/\/   / {
  line = $0
  sub(/^ *\/\/   /, "", line)
  if (!inside && line ~ /^[^ ]/) { begin_example(); begun_at = FNR; inside = 1 }
  if (inside) { add_line(line); next }
}
headers { if (inside) end_example(); inside = 0; next }

only_examples && /^<!-- (file|run): .* -->$/ { kind = "other"; next }
/^<!-- file: .* -->$/ { target = out "/" $3; kind = "file"; next }
/^<!-- run: .* -->$/ {
  runs++
  kind = "run"
  target = out "/runs/" runs ".expected"
  command = $0
  sub(/^<!-- run: /, "", command)
  sub(/ -->$/, "", command)
  print command > (out "/runs/" runs ".command")
  next
}
/^```/ && !inside {
  inside = 1
  if (kind == "" && $0 == "```cpp") {
    kind = "example"
    begin_example()
  } else if (kind == "" && $0 == "```text" && count > 0) {
    kind = "expected"
    target = out "/expected/" count
  }
  if (kind == "file" || kind == "run" || kind == "expected") printf "" > target
  next
}
/^```/ && inside {
  if (kind == "example") end_example()
  if (target != "") close(target)
  inside = 0
  kind = target = ""
  next
}
inside && kind == "example" { add_line($0) }
inside && (kind == "file" || kind == "expected") { print > target }
inside && kind == "run" && !/^\$ / { print > target }

END {
  file = out "/examples.cpp"
  print "// Made by tests/docs/extract.awk." > file
  if (headers) print "#include <bulkhead/worker_main.hpp>" > file
  print "#include <bulkhead/engine.hpp>\n" > file
  print "#include <algorithm>\n#include <atomic>\n#include <chrono>\n#include <cstdint>\n#include <cstdlib>\n#include <filesystem>\n#include <iostream>" > file
  print "#include <map>\n#include <mutex>\n#include <ranges>\n#include <set>\n#include <stdexcept>\n#include <string>\n#include <thread>" > file
  print "#include <utility>\n#include <vector>\n" > file
  if (headers) {
    print "#include <coroutine>\n" > file
    print "struct Job {\n  struct promise_type {\n    Job get_return_object() { return {}; }" > file
    print "    std::suspend_never initial_suspend() { return {}; }" > file
    print "    std::suspend_never final_suspend() noexcept { return {}; }" > file
    print "    void return_void() {}\n    void unhandled_exception() {}\n  };\n};" > file
  }
  printf "%s\nusing namespace std::chrono_literals;\n\nnamespace {\n\n%s}  // namespace\n\n", includes, functions > file
  if (!headers) printf "int main(int, char** argv) {\n  switch (std::atoi(argv[1])) {\n%s  }\n  return 2;\n}\n", table > file
  printf "%s", programs > (out "/programs")
}
