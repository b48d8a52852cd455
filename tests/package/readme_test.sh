#!/usr/bin/env bash
# Installs the build into a staging folder, moves it, takes plugin and host out of README.md, builds them as outside
# projects with find_package(bulkhead), and runs the commands README.md shows. Their output must be what it shows.
#   readme_test.sh SOURCE_DIR BUILD_DIR CXX
set -euo pipefail
source_dir=$1 build_dir=$2 cxx=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build_dir" --prefix "$work/installed" >"$work/install.log"
mv "$work/installed" "$work/moved"  # an installation does not depend on where it was made
prefix=$work/moved
export PATH=$prefix/bin:$PATH
export BULKHEAD_WORKER=$prefix/bin/bulkhead-worker
unset BULKHEAD_PLUGIN_PATH BULKHEAD_MANIFEST

# Writes every block behind "<!-- file: NAME -->" to $work/NAME, and every one behind "<!-- run: COMMAND -->" to a pair of
# files: the command, and the output it must have.
mkdir -p "$work/plugin" "$work/host" "$work/runs"
awk -v work="$work" '
  /^<!-- file: .* -->$/ { target = work "/" $3; kind = "file"; next }
  /^<!-- run: .* -->$/  { runs++; target = work "/runs/" runs; kind = "run"; command = $0
                          sub(/^<!-- run: /, "", command); sub(/ -->$/, "", command); print command > (target ".command"); next }
  /^```/ && target != "" && !inside { inside = 1; printf "" > (kind == "run" ? target ".expected" : target); next }
  /^```/ && inside { inside = 0; close(target); target = ""; next }
  inside && kind == "file" { print > target }
  inside && kind == "run" && !/^\$ / { print > (target ".expected") }
' "$source_dir/README.md"

for project in plugin host; do
  cmake -S "$work/$project" -B "$work/$project/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" >"$work/$project.log" || { cat "$work/$project.log"; exit 1; }
  cmake --build "$work/$project/build" >>"$work/$project.log" || { cat "$work/$project.log"; exit 1; }
done
export PATH=$work/host/build:$PATH
cd "$work/plugin/build"

count=0
for command_file in "$work"/runs/*.command; do
  command=$(<"$command_file")
  bash -c "$command" >"$work/output" || { echo "failed: $command"; exit 1; }
  diff -u "${command_file%.command}.expected" "$work/output" || { echo "README.md shows something else for: $command"; exit 1; }
  count=$((count + 1))
done
[ "$count" -ge 2 ] || { echo "README.md shows only $count commands: were its markers changed?"; exit 1; }
echo "$count commands of README.md gave what it shows"
