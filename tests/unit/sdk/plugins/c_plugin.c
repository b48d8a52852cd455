/* A plugin in plain C: doubles numbers. */
#include <bulkhead/plugin.h>
#include <string.h>

static int32_t run_item(const bulkhead_call* call, const unsigned char* item, size_t size) {
  int64_t number;
  if (size != sizeof number) return BULKHEAD_DECODE_FAILED;
  memcpy(&number, item, sizeof number);
  number *= 2;
  void* room = call->reserve(call->self, sizeof number);
  if (room == NULL) return BULKHEAD_ENCODE_FAILED;
  memcpy(room, &number, sizeof number);
  call->commit(call->self, sizeof number);
  return BULKHEAD_OK;
}

static int32_t twice(void* state, const bulkhead_call* call, const void* in, size_t size, uint64_t count) {
  const unsigned char* at = in;
  const unsigned char* end = at + size;
  (void)state;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t item_size = call->item_stride;
    if (item_size == 0) {
      uint32_t prefix;
      if ((size_t)(end - at) < sizeof prefix) return BULKHEAD_DECODE_FAILED;
      memcpy(&prefix, at, sizeof prefix);
      at += sizeof prefix;
      item_size = prefix;
    }
    if (item_size > (size_t)(end - at)) return BULKHEAD_DECODE_FAILED;
    if (call->end_item(call->self, run_item(call, at, (size_t)item_size)) != 0) break;
    at += item_size;
  }
  return BULKHEAD_OK;
}

static const bulkhead_task tasks[] = {{
    .name = "twice",
    .signature = "(i64)->i64",
    .doc = "doubles a number",
    .param_names = "",
    .codecs = BULKHEAD_CODEC_BINARY,
    .retries = -1,
    .invoke_batch = twice,
}};

static const bulkhead_plugin plugin = {
    .size = sizeof(bulkhead_plugin),
    .abi_major = BULKHEAD_ABI_MAJOR,
    .abi_minor = BULKHEAD_ABI_MINOR,
    .task_stride = sizeof(bulkhead_task),
    .name = "cmath",
    .version = "1.0.0",
    .sdk_version = "-",
    .compiler = "cc",
    .task_count = 1,
    .tasks = tasks,
};

BULKHEAD_PLUGIN_NOTE(BULKHEAD_NOTE_PLUGIN("cmath", "1.0.0", "cc")
                         BULKHEAD_NOTE_TASK("twice", "(i64)->i64", "doubles a number"));

BULKHEAD_EXPORT const bulkhead_plugin* bulkhead_plugin_v1(void) { return &plugin; }
