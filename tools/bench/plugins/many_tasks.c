/* A plugin with ten to the power of BENCH_DIGITS tasks. Their names are t and so many digits (t, t0 … t9, t00 …), and they
 * all add 1: for the cost of a call by the number of registered tasks. */
#include <bulkhead/plugin.h>

#include <string.h>

/* The preprocessor does not expand a macro within itself, so each digit has a macro of its own. */
/* clang-format off */
#define DIGITS_0(TASK, NAME) TASK(NAME)
#define DIGITS_1(TASK, NAME) \
  DIGITS_0(TASK, NAME "0") DIGITS_0(TASK, NAME "1") DIGITS_0(TASK, NAME "2") DIGITS_0(TASK, NAME "3") DIGITS_0(TASK, NAME "4") \
  DIGITS_0(TASK, NAME "5") DIGITS_0(TASK, NAME "6") DIGITS_0(TASK, NAME "7") DIGITS_0(TASK, NAME "8") DIGITS_0(TASK, NAME "9")
#define DIGITS_2(TASK, NAME) \
  DIGITS_1(TASK, NAME "0") DIGITS_1(TASK, NAME "1") DIGITS_1(TASK, NAME "2") DIGITS_1(TASK, NAME "3") DIGITS_1(TASK, NAME "4") \
  DIGITS_1(TASK, NAME "5") DIGITS_1(TASK, NAME "6") DIGITS_1(TASK, NAME "7") DIGITS_1(TASK, NAME "8") DIGITS_1(TASK, NAME "9")
#define DIGITS_3(TASK, NAME) \
  DIGITS_2(TASK, NAME "0") DIGITS_2(TASK, NAME "1") DIGITS_2(TASK, NAME "2") DIGITS_2(TASK, NAME "3") DIGITS_2(TASK, NAME "4") \
  DIGITS_2(TASK, NAME "5") DIGITS_2(TASK, NAME "6") DIGITS_2(TASK, NAME "7") DIGITS_2(TASK, NAME "8") DIGITS_2(TASK, NAME "9")
#define DIGITS_4(TASK, NAME) \
  DIGITS_3(TASK, NAME "0") DIGITS_3(TASK, NAME "1") DIGITS_3(TASK, NAME "2") DIGITS_3(TASK, NAME "3") DIGITS_3(TASK, NAME "4") \
  DIGITS_3(TASK, NAME "5") DIGITS_3(TASK, NAME "6") DIGITS_3(TASK, NAME "7") DIGITS_3(TASK, NAME "8") DIGITS_3(TASK, NAME "9")
/* clang-format on */
#define JOINED(A, B) A##B
#define DIGITS(COUNT, TASK) JOINED(DIGITS_, COUNT)(TASK, "t")
#define QUOTED(X) #X
#define PLUGIN_NAME(DIGITS_OF_IT) "many" QUOTED(DIGITS_OF_IT)

static int32_t add_one(void* state, const bulkhead_call* call, const void* in, size_t size, uint64_t count) {
  const unsigned char* item = in;
  (void)state;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t x = 0;
    /* Items of a fixed size come without sizes of their own. */
    if (call->item_stride != sizeof x || size < (i + 1) * sizeof x) return BULKHEAD_DECODE_FAILED;
    memcpy(&x, item + i * sizeof x, sizeof x);
    ++x;
    void* const room = call->reserve(call->self, sizeof x);
    if (room == NULL) return BULKHEAD_ENCODE_FAILED;
    memcpy(room, &x, sizeof x);
    call->commit(call->self, sizeof x);
    if (call->end_item(call->self, BULKHEAD_OK) != 0) break;
  }
  return BULKHEAD_OK;
}

#define TABLE_ENTRY(NAME)     \
  {.name = NAME,              \
   .signature = "(i64)->i64", \
   .doc = "x + 1",            \
   .param_names = "",         \
   .codecs = 1,               \
   .retries = -1,             \
   .invoke_batch = add_one},
#define NOTE_LINE(NAME) BULKHEAD_NOTE_TASK(NAME, "(i64)->i64", "x + 1")

static const bulkhead_task tasks[] = {DIGITS(BENCH_DIGITS, TABLE_ENTRY)};

static const bulkhead_plugin table = {.size = sizeof(bulkhead_plugin),
                                      .abi_major = BULKHEAD_ABI_MAJOR,
                                      .abi_minor = BULKHEAD_ABI_MINOR,
                                      .task_stride = sizeof(bulkhead_task),
                                      .name = PLUGIN_NAME(BENCH_DIGITS),
                                      .version = "1.0.0",
                                      .sdk_version = "-",
                                      .compiler = "cc",
                                      .task_count = sizeof tasks / sizeof tasks[0],
                                      .tasks = tasks};

BULKHEAD_PLUGIN_NOTE(BULKHEAD_NOTE_PLUGIN(PLUGIN_NAME(BENCH_DIGITS), "1.0.0", "cc") DIGITS(BENCH_DIGITS, NOTE_LINE));

BULKHEAD_EXPORT const bulkhead_plugin* BULKHEAD_ENTRY_POINT(void);
const bulkhead_plugin* BULKHEAD_ENTRY_POINT(void) { return &table; }
