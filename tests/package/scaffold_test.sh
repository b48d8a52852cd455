#!/usr/bin/env bash
# Installs the build into a staging folder and types what `bulkhead plugin new` prints, for both languages, and what the
# README of the new project says. Then breaks an example, and sees that it is told.
#   scaffold_test.sh BUILD_DIR CC CXX
set -euo pipefail
build_dir=$1
export CC=$2 CXX=$3
# What we give away compiles without a warning.
export CFLAGS="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
export CXXFLAGS=$CFLAGS CMAKE_GENERATOR=Ninja

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build_dir" --prefix "$work/installed" >"$work/install.log"
export PATH=$work/installed/bin:$PATH
export BULKHEAD_WORKER=$work/installed/bin/bulkhead-worker
unset BULKHEAD_PLUGIN_PATH BULKHEAD_MANIFEST

# type_in FOLDER COMMANDS: as a person would; the last command's last line is the sum of 2 and 3.
type_in() {
  (cd "$1" && bash -e <<<"$2") >"$work/output" 2>&1 || { echo "failed: $2"; cat "$work/output"; exit 1; }
  [ "$(tail -1 "$work/output")" = 5 ] || { echo "the last line is not 5: $2"; cat "$work/output"; exit 1; }
  # Tests that were left out would not have failed.
  grep -q "100% tests passed, 0 tests failed out of 2" "$work/output" || { cat "$work/output"; exit 1; }
}
printed() { sed -n '/^build, test and run it:$/,$ s/^  //p' <<<"$1"; }

type_in "$work" "$(printed "$(cd "$work" && bulkhead plugin new greeter)")"
type_in "$work" "$(printed "$(cd "$work" && bulkhead plugin new --lang c --dir "a folder/of my own" fast)")"

cd "$work/a folder/of my own"
rm -rf build
type_in . "$(sed -n '/^```$/,/^```$/ { /^```$/d; p }' README.md)"

cd "$work/greeter"
sed -i 's/\.example(2, 3, 5)/.example(2, 3, 6)/' src/greeter_plugin.cpp
cmake --build build >"$work/output"
if bulkhead plugin check build/greeter.so >"$work/output"; then
  echo "an example that does not hold was not noticed"
  exit 1
fi
grep -qF 'error    greeter.add(2,3): returned 5, the example says 6' "$work/output" || { cat "$work/output"; exit 1; }
echo "the projects of bulkhead plugin new build, are tested and run"
