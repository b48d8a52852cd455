#!/usr/bin/env bash
# tables.sh check README LIST RECORD PROGRAM...: README has both matrices as they are now, but for the times: what
#   crash_matrix_test wrote into RECORD, and the rows of LIST, each of which names tests that exist or gives a reason.
# tables.sh write README LIST RECORD PROGRAM...: runs crash_matrix_test (the first PROGRAM) and the tests that LIST names,
#   and writes the tables. Fails when a test did.
set -euo pipefail

mode=$1 readme=$2 list=$3 record=$4
shift 4
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

fail() {
  echo "$@" >&2
  exit 1
}

named_tests() { awk -F'|' '/^F/ { print $4 }' "$list" | tr -s ' ' '\n' | grep . | sort -u; }

# Every row that there must be has tests that exist, or says why not.
check_list() {
  local expected missing
  expected=$(printf 'F%02d\n' {1..98})
  missing=$(comm -3 <(echo "$expected") <(awk -F' *[|]' '/^F/ { print $1 }' "$list" | sort))
  [[ -z $missing ]] || fail "rows that are missing or unknown in $list: $missing"
  awk -F'|' '/^F/ && (NF != 5 || ($4 $5) ~ /^ *$/) { print "a row without a test and without a reason: " $0; bad = 1 }
    END { exit bad }' "$list" >&2
  missing=$(comm -23 <(named_tests) <("$here/../list_tests.sh" "$@"))
  [[ -z $missing ]] || fail "named in $list, and no test:"$'\n'"$missing"
}

# run_tests PROGRAM...: "Suite.Test milliseconds" of each named test, all its parameters together.
run_tests() {
  local program filter
  for program in "$@"; do
    filter=$(comm -12 <(named_tests) <("$here/../list_tests.sh" "$program") |
      awk '{ printf "%s%s:*/%s/*:*/%s", (NR > 1 ? ":" : ""), $1, $1, $1 }')
    [[ -n $filter ]] || continue
    echo "$(basename "$program") ..." >&2
    "$program" --gtest_filter="$filter" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; return 1; }
    awk '/^\[       OK \] / { sub(/^[^\/]*\//, "", $4); sub(/\/.*/, "", $4); gsub(/[(]/, "", $5); ms[$4] += $5 }
      END { for (test in ms) print test, ms[test] }' "$scratch/log"
  done
}

# One row a misbehaviour, one column a place, in the order in which the test comes to them.
crash_table() {
  awk -F'\t' '
    !($1 in is_row) { is_row[$1]; rows[++row_count] = $1 }
    !($2 in is_column) { is_column[$2]; columns[++column_count] = $2 }
    { cells[$1, $2] = $3 " " $4 }
    END {
      line = "| |"; rule = "|---|"
      for (c = 1; c <= column_count; ++c) { line = line " " columns[c] " |"; rule = rule "---|" }
      print line; print rule
      for (r = 1; r <= row_count; ++r) {
        line = "| " rows[r] " |"
        for (c = 1; c <= column_count; ++c) {
          key = rows[r] SUBSEP columns[c]
          line = line " " (key in cells ? cells[key] : "F74") " |"
        }
        print line
      }
    }' "$record"
}

# fault_table TIMES: the time of a row is that of all its tests.
fault_table() {
  echo '| | fault | seen | shown by | ms |'
  echo '|---|---|---|---|---|'
  awk '
    NR == FNR { ms[$1] = $2; next }
    !/^F/ { next }
    {
      split($0, field, / *[|] */)
      count = split(field[4], tests, / +/)
      proof = ""; time = count > 0 ? 0 : ""
      for (i = 1; i <= count; ++i) { proof = proof (i > 1 ? ", " : "") "`" tests[i] "`"; time += ms[tests[i]] }
      sub(/ *$/, "", field[5])
      if (field[5] != "") proof = proof (proof != "" ? "; " : "") field[5]
      seen = field[3] != "" ? field[3] : "–"
      print "| " field[1] " | " field[2] " | " seen " | " proof " |" (time != "" ? " " time : "") " |"
    }' "$1" "$list"
}

# between NAME: what README has between the marks of a table.
between() { sed -n "/^<!-- $1: /,/^<!-- end of $1 -->/p" "$readme" | sed '1d;$d'; }

# put NAME TABLE: writes it there.
put() {
  [[ -n $(sed -n "/^<!-- $1: /p" "$readme") ]] || fail "$readme has no place for the $1"
  sed -i -e "/^<!-- end of $1 -->/{
    e cat $2
    }" -e "/^<!-- $1: /,/^<!-- end of $1 -->/{/^<!-- /!d}" "$readme"
}

without_times() { sed -E 's/ [0-9]+ \|/ |/g; s/ +\|/ |/g'; }

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
check_list "$@"

if [[ $mode == write ]]; then
  rm -f -- "$record"
  BULKHEAD_TEST_RECORD=$record "$1" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
  run_tests "$@" >"$scratch/times"
  crash_table >"$scratch/crash"
  fault_table "$scratch/times" >"$scratch/fault"
  put "crash matrix" "$scratch/crash"
  put "fault matrix" "$scratch/fault"
else
  named_tests | sed 's/$/ 0/' >"$scratch/times"
  diff <(between "crash matrix" | without_times) <(crash_table | without_times) ||
    fail "the crash matrix of $readme is not what was seen: build the target matrix_tables"
  diff <(between "fault matrix" | without_times) <(fault_table "$scratch/times" | without_times) ||
    fail "the fault matrix of $readme is not that of $list: build the target matrix_tables"
  echo "$(cut -f1,2 "$record" | sort -u | wc -l) cells and $(grep -c '^F' "$list") rows, all there"
fi
