# Doxygen's input filter: our comments are plain ones; this makes them Doxygen's.
#   awk -f comments.awk HEADER
# `// text` before a declaration documents it, `// text` behind a member that member. What is indented by three spaces
# is an example. `Ownership:`, `Threads:` and the like begin items of a list. The first comment is the file's. In
# headers of C the same for its comments, without the list.

# Whether the // at this place of the line is within a string.
function in_string(line, place,    before) {
  before = substr(line, 1, place - 1)
  gsub(/\\"/, "", before)
  return gsub(/"/, "", before) % 2 == 1
}

function end_comment() {
  if (in_example) print indent "/// @endcode"
  in_example = 0
  in_comment = 0
}

FILENAME ~ /\.h$/ {
  if (!seen_file && sub(/^\/\*/, "/** @file\n *")) seen_file = 1
  else if (sub(/^ \*   /, " *       ")) {}  # an example
  else if (!sub(/^ *\/\*/, "&*")) sub(/\/\* /, "/**< ")
  print
  next
}

{
  match($0, /^ */)
  spaces = RLENGTH
  rest = substr($0, spaces + 1)
}

rest ~ /^\/\/( |$)/ {
  text = substr(rest, 3)
  if (!in_comment) {
    indent = substr($0, 1, spaces)
    if (!seen_file) print indent "/// @file"
    seen_file = 1
  }
  in_comment = 1
  is_example = text ~ /^   +[^ ]/ && (in_example || after_blank || !had_text)
  if (text == "" && in_example) { held++; next }
  if (is_example && !in_example) { print indent "/// @code{.cpp}"; in_example = 1 }
  else if (!is_example && in_example) { print indent "/// @endcode"; in_example = 0; print indent "///" }
  for (; held > 0; held--) print indent "///"
  after_blank = text == ""
  had_text = 1
  if (!in_example && match(text, /^ [A-Z][a-z]+: +/)) {
    word = substr(text, 2, index(text, ":") - 2)
    if (word ~ /^(Ownership|Threads|Failure|Errors)$/) text = " - **" word ":** " substr(text, RLENGTH + 1)
  }
  print indent "///" (in_example ? substr(text, 4) : text)
  next
}

{
  if (in_comment) { held = 0; end_comment(); had_text = 0; after_blank = 0 }
  place = index($0, "  // ")
  if (place > 0 && spaces < place && !in_string($0, place)) {
    sub(/  \/\/ /, "  ///< ")
    print
    next
  }
  print
}
