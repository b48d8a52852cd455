#!/usr/bin/env bash
# Writes bulkhead(1) out of what the program says with --help, of itself and of each command.
#   make_man.sh PROGRAM > bulkhead.1
set -euo pipefail
program=$1

# as_man [PATTERN]: one help text as man's macros: options as tagged paragraphs, all else as it stands. Options that match
# are left out.
as_man() {
  awk -v left_out="${1-}" '
    function text(line) {
      gsub(/\\/, "\\e", line); gsub(/-/, "\\-", line)
      return line ~ /^[.'"'"']/ ? "\\&" line : line
    }
    function end_block() { if (in_block) print ".fi"; in_block = 0 }
    NR == 1 { print text($0); next }
    /^Usage: / { print ".PP"; print ".B " text(substr($0, 8)); next }
    /^(Options|Positionals|Subcommands):$/ { end_block(); part = "list"; next }
    part == "list" && /^$/ { part = ""; next }
    part == "list" && /^  [^ ]/ {
      if (left_out != "" && $0 ~ left_out) next
      line = substr($0, 3); at = match(line, /  +/)
      print ".TP"; print ".B " text(at ? substr(line, 1, at - 1) : line)
      if (at) print text(substr(line, at + RLENGTH))
      next
    }
    part == "list" { sub(/^ +/, ""); print text($0); next }
    /^$/ { if (in_block) print ""; next }
    { if (!in_block) { print ".PP"; print ".nf"; in_block = 1 } print text($0) }
    END { end_block() }
  '
}

# commands_of [COMMAND]: what its help lists.
commands_of() { "$program" "$@" --help | sed -n '/^Subcommands:/,/^$/ s/^  \([a-z][a-z-]*\) .*/\1/p'; }

told_once='^  (-h,--help|--help-all) '
version=$("$program" --version)
printf '.TH BULKHEAD 1 "" "%s" "User Commands"\n' "$version"
printf '.SH NAME\nbulkhead \\- run the tasks of plugins in worker processes\n.SH DESCRIPTION\n'
"$program" --help | as_man
for command in $(commands_of); do
  printf '.SH "BULKHEAD %s"\n' "${command^^}"
  "$program" "$command" --help | as_man "$told_once"
  for part in $(commands_of "$command"); do
    printf '.SH "BULKHEAD %s %s"\n' "${command^^}" "${part^^}"
    "$program" "$command" "$part" --help | as_man "$told_once"
  done
done
printf '.SH SEE ALSO\n.BR bulkhead\\-worker (1)\n'
