#!/usr/bin/env bash
# run_fuzz.sh PROGRAM SEEDS SECONDS [LIBFUZZER OPTION...]: replays the seeds and what earlier runs found, then looks for
# more. What is found stays beside the program, in the build folder.
set -euo pipefail

program=$1 seeds=$2 seconds=$3
shift 3
if [[ ! -x $program ]]; then
  echo "$program is not there: build the target fuzz_tests" >&2
  exit 1
fi
found=$program.found crashes=$program.crashes
mkdir -p -- "$found" "$crashes"

# clang 16's AddressSanitizer cannot run where the kernel randomises addresses by more than 28 bits.
without_aslr=()
if setarch -R true 2>/dev/null; then without_aslr=(setarch -R); fi

# clang looks for it by a name without a version.
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-16 || command -v llvm-symbolizer || true)
export ASAN_SYMBOLIZER_PATH

# A limit for one input, in seconds: far beyond any honest one, so that a busy machine is no failure.
if ! "${without_aslr[@]}" "$program" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=1024 -print_final_stats=1 \
  -artifact_prefix="$crashes/" "$@" "$found" "$seeds" >"$program.log" 2>&1; then
  cat -- "$program.log"
  input=$(sed -n 's/.*Test unit written to //p' "$program.log" | tail -1)
  echo "to replay it: $program $input" >&2
  echo "to make it smaller: $program -minimize_crash=1 -runs=100000 $input" >&2
  exit 1
fi
grep -E 'INITED|DONE|stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$program.log"
