/* The boundary between a plugin and the worker that runs it: plain C11, also valid C++20.
 *
 * Bytes go in, bytes come out. No std:: type, no exception and no allocation crosses it, and nothing unwinds out of a
 * plugin but a forced unwind (pthread_exit). Every struct that may grow starts with its own size; members are only
 * added at the end, and a reader looks at a later member only when `size` says it is there.
 *
 * Compatibility: the major numbers must match. Minor numbers may differ both ways.
 * Ownership:     what the plugin's table points to lives as long as the plugin is loaded, which is for the life of
 *                the process. What a call points to lives until invoke_batch returns.
 * Threads:       the worker calls a plugin from one thread. `stop` may be read, and log() called, from any thread.
 */
#ifndef BULKHEAD_SDK_ABI_H
#define BULKHEAD_SDK_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BULKHEAD_ABI_MAJOR 1u
#define BULKHEAD_ABI_MINOR 2u

/* How the bytes of arguments and results are written; one bit each, so that a task can say which it speaks. */
enum { BULKHEAD_CODEC_BINARY = 1, BULKHEAD_CODEC_JSON = 2 };

/* How one item of a call, a load or a create ended. */
enum {
  BULKHEAD_OK = 0,
  BULKHEAD_TASK_FAILED = 1,   /* the task's own failure; call->fail() was given the details */
  BULKHEAD_DECODE_FAILED = 2, /* the arguments' bytes are not what the signature says */
  BULKHEAD_ENCODE_FAILED = 3, /* the result has no form, or reserve() refused the room for it */
  BULKHEAD_STOPPED = 4,       /* the task saw `stop` and gave up */
  BULKHEAD_INIT_FAILED = 5    /* create() or load() failed */
};

/* Task flags. */
enum {
  BULKHEAD_TASK_IDEMPOTENT = 1 /* running it again is harmless: it may be retried */
};

/* Values of *bulkhead_call.phase. */
enum {
  BULKHEAD_PHASE_DECODE = 4, /* bytes to arguments */
  BULKHEAD_PHASE_RUN = 5,    /* the task itself: what the worker says before each item */
  BULKHEAD_PHASE_ENCODE = 6, /* its result to bytes */
  BULKHEAD_PHASE_DESTROY = 8 /* the arguments' destructors */
};

/* Values of *bulkhead_call.stop. */
enum { BULKHEAD_STOP_NO = 0, BULKHEAD_STOP_CANCELLED = 1, BULKHEAD_STOP_SOFT_LIMIT = 2 };

/* Log levels, spdlog's numbers. */
enum {
  BULKHEAD_LOG_TRACE = 0,
  BULKHEAD_LOG_DEBUG = 1,
  BULKHEAD_LOG_INFO = 2,
  BULKHEAD_LOG_WARN = 3,
  BULKHEAD_LOG_ERROR = 4,
  BULKHEAD_LOG_CRITICAL = 5
};

/* What the worker offers a plugin outside of calls. One per plugin; lives as long as the process. */
typedef struct bulkhead_host {
  uint32_t size;
  uint32_t abi_minor;
  void* self; /* first argument of every function below */
  /* Hands over one line of text. Never blocks, never fails. Any thread. */
  void (*log)(void* self, int32_t level, const char* text, size_t text_size);
  /* The plugin's own table from the manifest, as a JSON object ("{}" when there is none). Returns its size; *json
   * lives as long as the process. */
  size_t (*config)(void* self, const char** json);
  void* reserved[4];
} bulkhead_host;

/* A worker's view of memory that arguments name (shared<T>, shared_mut<T>). */
typedef struct bulkhead_shared {
  uint32_t size;        /* of this struct, by whoever asks; members beyond it stay as they are */
  uint32_t is_writable; /* 0: writing there is a SIGSEGV */
  void* address;        /* of its first byte, which begins a page */
  uint64_t bytes;
  void* handle;
  /* Lets go of it: once, any thread, whenever the plugin has no more use for it, also long after the call. */
  void (*release)(void* handle);
  int32_t fd; /* of the memory, for processes that the plugin starts; lives as long */
  uint32_t reserved;
} bulkhead_shared;

/* One running call: `count` items of one task. */
typedef struct bulkhead_call {
  uint32_t size;
  uint32_t codec;                /* one BULKHEAD_CODEC_ bit: how items and results are written */
  void* self;                    /* first argument of every function below */
  const volatile uint32_t* stop; /* BULKHEAD_STOP_...: a load, not a call */
  int64_t deadline_ns;           /* CLOCK_MONOTONIC; INT64_MAX: none */
  uint64_t task_id;
  uint64_t first_index; /* index, within the caller's map, of the first item */
  uint64_t
      item_stride; /* > 0: each item of `in` has this many bytes. 0: each is preceded by its size (u32, little endian) */
  uint32_t attempt; /* 1 for the first */
  uint32_t reserved0;
  /* Room for `size` more bytes of the current item's result, contiguous. NULL: too large; end the item with
   * BULKHEAD_ENCODE_FAILED. What was committed before stays; what was reserved and not committed is given up. */
  void* (*reserve)(void* self, size_t size);
  /* The first `size` bytes of the last reserve() belong to the result. */
  void (*commit)(void* self, size_t size);
  /* Tells why the current item fails, before end_item(). `type` is the failure's type name ("std::domain_error"),
   * `detail_json` an object or empty: {"causes":[{"type":..,"text":..},..],"category":"generic","code":2,
   * "members":".."}; the last is what BULKHEAD_EXCEPTION carries, as base64. */
  void (*fail)(void* self, const char* type, size_t type_size, const char* text, size_t text_size,
               const char* detail_json, size_t detail_json_size);
  /* Ends the current item with a BULKHEAD_ outcome and begins the next. Non-zero: give up the remaining items and
   * return. (Called more than once per item it will be a streaming result; not in this minor.) */
  int32_t (*end_item)(void* self, int32_t outcome);
  void (*progress)(void* self, uint64_t done, uint64_t total, const char* note, size_t note_size);
  const int32_t* fds; /* descriptors that travelled with the arguments; none in this minor */
  size_t fd_count;
  const void* headers; /* key/value bytes carried with the call (trace ids); none in this minor */
  size_t headers_size;
  void* reserved[4];
  /* Since minor 1. A run: successive items whose results have `result_size` bytes each, answered together instead of by
   * reserve(), commit() and end_item() for each. begin_run() gives room for the results of the next *count items, side by
   * side, and may lower *count; NULL: answer one by one. After each result the plugin adds 1 to *running_item (an atomic
   * store with release): should the process end there, those before it are kept. end_run() ends the first `count` of them
   * with BULKHEAD_OK, and says what end_item() says; the next item, which may have failed, is ended by end_item() or by
   * another run. */
  void* (*begin_run)(void* self, size_t result_size, uint64_t* count);
  int32_t (*end_run)(void* self, uint64_t count);
  uint64_t* running_item;
  /* Since minor 2. What a plugin is at, BULKHEAD_PHASE_..., told by a plain store; NULL: nobody asks. A crash report says it.
   * A plugin that tells nothing is taken to run its task. */
  uint64_t* phase;
  /* Since minor 2. Fills in *shared for the memory `id`, which the arguments of this call name; it is the plugin's until
   * shared->release(). Non-zero: no such memory came with this call, or not to be written to. NULL: none can come. */
  int32_t (*open_shared)(void* self, uint64_t id, uint32_t is_writable, bulkhead_shared* shared);
  /* Since minor 2. The current item's result names the memory `id`, of so many bytes, behind `fd` (a sealed memfd, which
   * stays the plugin's). The host has it when this returns. Non-zero: it cannot take it; end the item with
   * BULKHEAD_ENCODE_FAILED. NULL: no result can name memory. */
  int32_t (*share)(void* self, uint64_t id, int32_t fd, uint64_t bytes, uint32_t is_writable);
} bulkhead_call;

typedef struct bulkhead_task {
  const char* name;        /* [A-Za-z_][A-Za-z0-9_]*, at most 64 */
  const char* signature;   /* "(i64,i64)->i64" */
  const char* doc;         /* never NULL */
  const char* param_names; /* "a,b" or "" when unknown */
  uint64_t shape;          /* hash over the members of user types in the signature; 0: it has none */
  uint32_t codecs;         /* mask of BULKHEAD_CODEC_ */
  uint32_t flags;          /* mask of BULKHEAD_TASK_; unknown bits are ignored */
  uint32_t required_flags; /* a bit the worker does not know refuses the task */
  int32_t retries;         /* default; -1: unset */
  int64_t timeout_ns;      /* default; 0: unset */
  int64_t soft_timeout_ns; /* default; 0: unset */
  /* Makes the per-worker state before the task's first call in this process. NULL: the task has none. A failure is
   * told through call->fail() and returns BULKHEAD_INIT_FAILED; the next call tries again. */
  int32_t (*create)(const bulkhead_host* host, const bulkhead_call* call, void* user, void** state);
  void (*destroy)(void* state);
  /* Runs `count` items, ending each with end_item(). `in` holds them as item_stride says. Returns BULKHEAD_OK, or an
   * outcome for every item it has not ended. Items are independent: a failure of one says nothing about the next. */
  int32_t (*invoke_batch)(void* state, const bulkhead_call* call, const void* in, size_t size, uint64_t count);
  void* user; /* passed to create() */
  void* reserved[4];
} bulkhead_task;

typedef struct bulkhead_plugin {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t task_stride; /* sizeof(bulkhead_task) in the plugin: elements may grow */
  const char* name;
  const char* version;
  const char* sdk_version;
  const char* compiler;
  uint64_t flags;          /* unknown bits are ignored */
  uint64_t required_flags; /* an unknown bit refuses the plugin */
  /* The initialiser, once per worker, after loading and before any call. NULL: none. A failure is told through
   * call->fail() (no other member of `call` may be used) and returns BULKHEAD_INIT_FAILED. */
  int32_t (*load)(const bulkhead_host* host, const bulkhead_call* call);
  uint64_t task_count;
  const bulkhead_task* tasks;
  void* reserved[4];
} bulkhead_plugin;

/* The one symbol a plugin exports. */
#define BULKHEAD_ENTRY_POINT bulkhead_plugin_v1
#define BULKHEAD_ENTRY_POINT_NAME "bulkhead_plugin_v1"
typedef const bulkhead_plugin* (*bulkhead_entry_point)(void);

/* The catalogue note: ELF section ".note.bulkhead", name "bulkhead", this type. Its description is text; the form is
 * in WIRE.md. */
#define BULKHEAD_NOTE_SECTION ".note.bulkhead"
#define BULKHEAD_NOTE_NAME "bulkhead"
#define BULKHEAD_NOTE_TYPE 1

#ifdef __cplusplus
}
#endif
#endif
