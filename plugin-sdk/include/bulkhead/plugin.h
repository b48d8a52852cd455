/* The plain-C path: a plugin is a shared object that exports bulkhead_plugin_v1() and carries a
 * catalogue note.
 *
 *   BULKHEAD_PLUGIN_NOTE(BULKHEAD_NOTE_PLUGIN("cmath", "1.0.0", "cc")
 *                        BULKHEAD_NOTE_TASK("twice", "(i64)->i64", "doubles a number"));
 *   BULKHEAD_EXPORT const bulkhead_plugin* bulkhead_plugin_v1(void) { ... }
 *
 * The table is described in sdk/abi.h, the bytes of arguments and results and the note's text in
 * WIRE.md.
 */
#ifndef BULKHEAD_PLUGIN_H
#define BULKHEAD_PLUGIN_H

#include <bulkhead/sdk/abi.h>

/* Marks the one symbol that is visible outside. */
#define BULKHEAD_EXPORT __attribute__((visibility("default")))

/* Lines of the note. Every argument is a string literal without tabs, newlines and backslashes.
 * The codec mask of a task is 1, the binary form. */
#define BULKHEAD_NOTE_PLUGIN(NAME, VERSION, COMPILER) \
  "bulkhead\t1\t2\t0\t0\n"                            \
  "plugin\t" NAME "\t" VERSION "\t-\t" COMPILER "\n"
/* A task that speaks the binary form only. DOC is one line for `bulkhead tasks`, "" for none. */
#define BULKHEAD_NOTE_TASK(NAME, SIGNATURE, DOC) BULKHEAD_NOTE_TASK_WITH(NAME, SIGNATURE, "1", "", DOC)
/* The same for a task that says which forms it speaks ("3": binary and JSON, which the command line needs) and what its
 * parameters are called ("a,b"). */
#define BULKHEAD_NOTE_TASK_WITH(NAME, SIGNATURE, CODECS, PARAM_NAMES, DOC) \
  "task\t" NAME "\t" SIGNATURE "\t" CODECS "\t0\t0\t-1\t0\t0\t" PARAM_NAMES "\t" DOC "\n"
/* Behind its task: a call that works. ARGUMENTS is a JSON array, RESULT is JSON ("null" for void). */
#define BULKHEAD_NOTE_EXAMPLE(ARGUMENTS, RESULT) "example\t" ARGUMENTS "\t" RESULT "\n"

#ifndef __cplusplus

_Static_assert(BULKHEAD_ABI_MAJOR == 1 && BULKHEAD_ABI_MINOR == 2, "BULKHEAD_NOTE_PLUGIN says 1 and 2");

/* Writes the note. TEXT is the literal that the two macros above make together. C only: C++ has
 * BULKHEAD_PLUGIN. */
#define BULKHEAD_PLUGIN_NOTE(TEXT)                                                        \
  __attribute__((used, section(BULKHEAD_NOTE_SECTION), aligned(4))) static const struct { \
    uint32_t name_size, description_size, type;                                           \
    char name[12];                                                                        \
    char description[(sizeof(TEXT) + 2) / 4 * 4];                                         \
  } bulkhead_plugin_note = {sizeof(BULKHEAD_NOTE_NAME), sizeof(TEXT) - 1, BULKHEAD_NOTE_TYPE, BULKHEAD_NOTE_NAME, TEXT}

#endif
#endif
