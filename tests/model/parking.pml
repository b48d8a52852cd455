/* The parking protocol of engine/src/ipc/parking.hpp between a host and one worker, on processors with store buffers.
 *
 * Two rings are two counters: requests published (req_tail) and results published (resp_tail). Both sides publish, look
 * at the other's park word, ring; both announce, look again, sleep. Everything else of the engine is left out.
 *
 * A store goes into its processor's buffer and reaches memory later, in order (x86). A seq_cst store waits until its
 * buffer is empty and goes to memory. Without the buffers Spin would explore only sequentially consistent runs and
 * pass versions that lose wake-ups on every real machine.
 *
 * A lost wake-up is a state where the host sleeps for ever: an invalid end state.
 * Each -D below breaks one rule. check_model.sh proves that the protocol passes and that every broken one fails:
 *   HOST_PUBLISH_RELAXED WORKER_PUBLISH_RELAXED HOST_ANNOUNCE_RELAXED WORKER_ANNOUNCE_RELAXED
 *   HOST_LOOKS_ONCE WORKER_LOOKS_ONCE HOST_SAME_EPOCH WORKER_SAME_EPOCH LAZY_WITHOUT_LAST_CALL
 */

#define CALLS  3 /* requests in a run */
#define WINDOW 2 /* of them in flight */
#define HALF   2 /* results that make the response ring half full */

#define AWAKE         0
#define LEADER_PARKED 1
#define PUMP_LAZY     2
#define PUMP_EAGER    3
#define MODE(word)    ((word) & 3)

/* Shared memory. */
byte req_tail;    /* written by the host */
byte resp_head;   /* written by the host */
byte host_word;   /* written by the host: epoch * 4 + mode */
byte resp_tail;   /* written by the worker */
byte worker_word; /* written by the worker: epoch, odd while parked */

/* Bells: a semaphore counts, an eventfd does not. */
byte worker_bell;
bool leader_bell;
bool pump_bell;

/* Store buffers: which variable, what value. */
mtype = { REQ_TAIL, RESP_HEAD, HOST_WORD, RESP_TAIL, WORKER_WORD };
chan host_buffer = [3] of { mtype, byte };
chan worker_buffer = [3] of { mtype, byte };

#define STORE_SEQ_CST(buffer, name, variable, value) atomic { empty(buffer) -> variable = value }
#define STORE_BUFFERED(buffer, name, variable, value) buffer ! name, value

#ifdef HOST_PUBLISH_RELAXED
#define HOST_PUBLISH STORE_BUFFERED
#else
#define HOST_PUBLISH STORE_SEQ_CST
#endif
#ifdef WORKER_PUBLISH_RELAXED
#define WORKER_PUBLISH STORE_BUFFERED
#else
#define WORKER_PUBLISH STORE_SEQ_CST
#endif
#ifdef HOST_ANNOUNCE_RELAXED
#define HOST_ANNOUNCE STORE_BUFFERED
#else
#define HOST_ANNOUNCE STORE_SEQ_CST
#endif
#ifdef WORKER_ANNOUNCE_RELAXED
#define WORKER_ANNOUNCE STORE_BUFFERED
#else
#define WORKER_ANNOUNCE STORE_SEQ_CST
#endif

inline flush(buffer) {
  if
  :: buffer ? REQ_TAIL, value -> req_tail = value
  :: buffer ? RESP_HEAD, value -> resp_head = value
  :: buffer ? HOST_WORD, value -> host_word = value
  :: buffer ? RESP_TAIL, value -> resp_tail = value
  :: buffer ? WORKER_WORD, value -> worker_word = value
  fi
}

active proctype host_processor() {
  byte value;
end:
  do
  :: atomic { nempty(host_buffer) -> flush(host_buffer); value = 0 }
  od
}

active proctype worker_processor() {
  byte value;
end:
  do
  :: atomic { nempty(worker_buffer) -> flush(worker_buffer); value = 0 }
  od
}

active proctype host() {
  byte sent, taken, epoch, rung, seen, mode;

  do
  :: taken == CALLS -> break

  :: sent < CALLS && sent - taken < WINDOW -> /* publish(), ring_if_parked() */
    sent++;
    HOST_PUBLISH(host_buffer, REQ_TAIL, req_tail, sent);
    seen = worker_word;
    if
    :: seen % 2 == 1 && seen != rung -> rung = seen; worker_bell++
    :: else
    fi;
    seen = 0

  :: taken < sent -> /* drain; when there is nothing, park in any mode */
    seen = resp_tail;
    if
    :: seen != taken ->
      assert(seen > taken && seen <= sent);
      taken = seen;
      STORE_BUFFERED(host_buffer, RESP_HEAD, resp_head, taken)
    :: else ->
      if
      :: mode = LEADER_PARKED
      :: mode = PUMP_LAZY
      :: mode = PUMP_EAGER
      fi;
#ifndef HOST_SAME_EPOCH
      epoch++;
#endif
      HOST_ANNOUNCE(host_buffer, HOST_WORD, host_word, epoch * 4 + mode);
#ifndef HOST_LOOKS_ONCE
      seen = resp_tail;
#endif
      if
      :: seen != taken
      :: else ->
        if
        :: mode == LEADER_PARKED -> atomic { leader_bell -> leader_bell = false }
        :: else -> atomic { pump_bell -> pump_bell = false }
        fi
      fi;
#ifndef HOST_SAME_EPOCH
      epoch++;
#endif
      HOST_ANNOUNCE(host_buffer, HOST_WORD, host_word, epoch * 4 + AWAKE);
      mode = 0
    fi;
    seen = 0
  od
}

/* HostParkWatch: looks at the host's word, rings at most once per announcement. */
inline look_and_ring(rings_lazy_pump) {
  seen = host_word;
  if
  :: MODE(seen) == AWAKE || seen == rung
  :: MODE(seen) == LEADER_PARKED && seen != rung -> rung = seen; leader_bell = true
  :: MODE(seen) == PUMP_EAGER && seen != rung -> rung = seen; pump_bell = true
  :: MODE(seen) == PUMP_LAZY && seen != rung ->
    if
    :: rings_lazy_pump -> rung = seen; pump_bell = true
    :: else
    fi
  fi;
  seen = 0
}

active proctype worker() {
  byte done, epoch, rung, seen;

  do
  :: req_tail != done -> /* run one record, publish its result */
    done++;
    WORKER_PUBLISH(worker_buffer, RESP_TAIL, resp_tail, done);
    if
    :: look_and_ring(done - resp_head >= HALF) /* Announce::kNow */
    :: skip                                    /* Announce::kLater */
    fi

  :: req_tail == done -> /* wait_for_record() */
#ifndef LAZY_WITHOUT_LAST_CALL
    if
    :: done != resp_head -> look_and_ring(true)
    :: else
    fi;
#endif
#ifndef WORKER_SAME_EPOCH
    epoch++;
#else
    epoch = 1;
#endif
    WORKER_ANNOUNCE(worker_buffer, WORKER_WORD, worker_word, epoch);
    if
#ifndef WORKER_LOOKS_ONCE
    :: req_tail != done
    :: req_tail == done ->
#else
    :: true ->
#endif
end:  atomic { worker_bell > 0 -> worker_bell-- }
    fi;
#ifndef WORKER_SAME_EPOCH
    epoch++;
#else
    epoch = 0;
#endif
    STORE_BUFFERED(worker_buffer, WORKER_WORD, worker_word, epoch)
  od
}
