#!/usr/bin/env bash
# check_table.sh README PROGRAM...: every test that the README's table names (`Suite.Test`) is in one of the programs.
set -euo pipefail

readme=$1
shift

# "Parity/PoolTest." and "  Name/forkserver  # ..." become "PoolTest.Name".
existing=$(for program in "$@"; do "$program" --gtest_list_tests; done | awk '
  /^[^ ].*\.( |$)/ { suite = $1; sub(/^.*\//, "", suite); next }
  /^  / { test = $1; sub(/\/.*$/, "", test); print suite test }' | sort -u)
named=$(sed -n '/^## multiprocessing/,$p' "$readme" | grep -oE '`[A-Z][A-Za-z]*Test\.[A-Z][A-Za-z]*`' | tr -d '`' | sort -u)

[[ -n $named ]] || { echo "no table found in $readme" >&2; exit 1; }
missing=$(comm -23 <(echo "$named") <(echo "$existing"))
if [[ -n $missing ]]; then
  echo "named in $readme, and no test:" >&2
  echo "$missing" >&2
  exit 1
fi
echo "$(wc -l <<<"$named") tests named, all there"
