#!/usr/bin/env bash
# Runs every example that extract.awk took out of a document, each in a process of its own, and every command. What they
# write to stdout must be what the document shows.
#   docs_test.sh FOLDER BUILD_DIR
set -uo pipefail
folder=$1 build_dir=$2

export PATH=$build_dir/bin:$PATH
export BULKHEAD_WORKER=$build_dir/bin/bulkhead-worker
unset BULKHEAD_PLUGIN_PATH BULKHEAD_MANIFEST
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build_dir"/plugins/math.so "$work"
find "$folder" -maxdepth 1 -name '*.so' -exec cp {} "$work" \;
find "$folder" -maxdepth 1 -name '*.toml' -exec cp {} "$work" \;
cd "$work" || exit 1

count=0 failed=0
# check WHAT EXPECTED COMMAND...
check() {
  local what=$1 expected=$2
  shift 2
  count=$((count + 1))
  timeout 60 "$@" >output 2>errors || { echo "failed with $?: $what"; cat errors; failed=$((failed + 1)); return; }
  diff -u --label "the document" --label "$what" "$expected" output || { cat errors; failed=$((failed + 1)); }
}

: >nothing
number=0
while :; do
  number=$((number + 1))
  if grep -qx "$number" "$folder/programs"; then
    program=("$folder"/bin/*_program_"$number" math.so)
  elif grep -q "case $number:" "$folder/examples.cpp"; then
    program=("$folder"/bin/*_examples "$number")
  else
    break
  fi
  expected=$folder/expected/$number
  [ -f "$expected" ] || expected=nothing
  check "example $number" "$expected" "${program[@]}"
done
for command_file in "$folder"/runs/*.command; do
  [ -f "$command_file" ] || continue
  command=$(<"$command_file")
  check "$command" "${command_file%.command}.expected" bash -c "$command"
done
[ "$count" -ge 1 ] || { echo "no examples: were the document's marks changed?"; exit 1; }
echo "$((count - failed)) of $count examples gave what the document shows"
[ "$failed" -eq 0 ]
