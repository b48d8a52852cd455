// Names the tasks of the text plugin. The tasks themselves are in text_tasks.cpp and grep.cpp.
#include <bulkhead/plugin.hpp>

#include "text/text_tasks.hpp"
#include "text/text_types.hpp"

using bulkhead::task;

BULKHEAD_PLUGIN(
    "text", "1.0.0",
    task("word_count", &text::word_count).doc("how many words a file has, as wc -w").params("path").idempotent(),
    task("line_count", &text::line_count).doc("how many newlines a file has, as wc -l").params("path").idempotent(),
    task("top_words", &text::top_words)
        .doc("the most frequent words of a file and their counts (10 if not given)")
        .params("path", "count")
        .idempotent(),
    task("grep", &text::grep)
        .doc("the lines of a file that match a regular expression of RE2's, with their numbers (1000 if not given)")
        .params("path", "pattern", "count")
        .idempotent())
