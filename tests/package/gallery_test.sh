#!/usr/bin/env bash
# Types every command of plugins/README.md, with the programs of an installation or, without a compiler, of the build: what
# they write must be what the document shows. With a compiler, the fractal plugin and its host are those that were copied
# out of the repository and built with the document's CMakeLists.txt.
#   gallery_test.sh SOURCE_DIR BUILD_DIR [CXX]
set -euo pipefail
source_dir=$1 build_dir=$2 cxx=${3-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BULKHEAD_MANIFEST

# CMakeLists.txt; and each command (a line that begins with "$ ") with the lines that stand below it.
mkdir -p "$work/project" "$work/runs" "$work/here"
awk -v project="$work/project" -v runs="$work/runs" '
  /^<!-- file: .* -->$/ { target = project "/" $3; kind = "file"; next }
  /^<!-- run -->$/      { kind = "run"; next }
  /^```/ && kind != "" && !inside { inside = 1; next }
  /^```/ && inside { inside = 0; kind = ""; next }
  inside && kind == "file" { print > target }
  inside && kind == "run" && /^\$ / { name = sprintf("%s/%02d", runs, ++count); print substr($0, 3) > (name ".command")
                                      printf "" > (name ".expected"); next }
  inside && kind == "run" { print > (name ".expected") }
' "$source_dir/plugins/README.md"

if [[ -z $cxx ]]; then
  export BULKHEAD_WORKER=$build_dir/bin/bulkhead-worker BULKHEAD_PLUGIN_PATH=$build_dir/plugins PATH=$build_dir/bin:$PATH
else
  cmake --install "$build_dir" --prefix "$work/installed" >"$work/install.log"
  cp -r "$source_dir/plugins/fractal" "$work/project"
  # Not optimised: that it builds and works is what is asked.
  { cmake -S "$work/project" -B "$work/project/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/installed" \
    -DCMAKE_CXX_COMPILER="$cxx" && cmake --build "$work/project/build"; } >"$work/build.log" ||
    { cat "$work/build.log"; exit 1; }
  export BULKHEAD_WORKER=$work/installed/bin/bulkhead-worker
  export PATH=$work/installed/bin:$work/project/build/fractal/render:$PATH
  # The plugin that was built there comes first.
  plugins=$(dirname "$(find "$work/installed" -name digest.so)")
  export BULKHEAD_PLUGIN_PATH=$work/project/build:$plugins
  [[ $(command -v bulkhead-fractal) == "$work"/project/* ]]
fi
cp "$source_dir/LICENSE" "$work/here"
cd "$work/here"
# What takes how long is not the same twice.
same() { sed -E 's/ in [0-9.]+ s with [0-9]+ workers?$/ in … s/' "$1"; }
count=0 failed=0
for command_file in "$work"/runs/*.command; do
  command=$(<"$command_file")
  bash -c "$command" >"$work/output" 2>&1 || true  # some show an error
  diff -u --label "plugins/README.md" --label "$command" <(same "${command_file%.command}.expected") <(same "$work/output") ||
    failed=1
  count=$((count + 1))
done
[[ $count -ge 8 ]] || { echo "plugins/README.md shows only $count commands: were its markers changed?"; exit 1; }
echo "$count commands of plugins/README.md"
exit "$failed"
