#!/usr/bin/env bash
# list_tests.sh PROGRAM...: every test of these programs as `Suite.Test`, without the names of instances and parameters.
set -euo pipefail

# "Parity/PoolTest." and "  Name/forkserver  # ..." become "PoolTest.Name".
for program in "$@"; do "$program" --gtest_list_tests; done | awk '
  /^[^ ].*\.( |$)/ { suite = $1; sub(/^.*\//, "", suite); next }
  /^  / { test = $1; sub(/\/.*$/, "", test); print suite test }' | sort -u
