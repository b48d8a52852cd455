/* The channel of one worker, its claim words, and what the host makes of them: engine/src/ipc/{spsc_ring,claim_table}.hpp,
 * engine/src/pool/{scheduler,replies,limits}.cpp. The worker may die at any step and is replaced; one task is guilty and
 * gets its worker killed on purpose. Who sleeps and who rings is parking.pml's: here both sides look all the time.
 *
 * A record is two halves, written and read one after the other, so that one that is seen too early or overwritten too
 * late is torn. The scheduler's mutex makes the host one process; between its steps the worker goes on.
 *
 * Proved: a record is whole; a task begins at most once; one that was taken back never begins; each task has one verdict;
 * what was published is no loss; a kill on purpose hits the guilty task or none; the host never waits for the worker
 * alone. A host that waits for ever is an invalid end state.
 *
 * Each -D below breaks one rule, and must be caught:
 *   PUBLISHES_BEFORE_WRITING RELEASES_BEFORE_READING REVOKES_WITHOUT_CAS CLAIMS_WITHOUT_CAS OFFERS_BEYOND_CLAIM_TABLE
 *   FORGETS_RESULTS_OF_THE_DEAD REQUEUES_CLAIMED REPLACEMENT_HAS_OLD_MEMORY KILLS_WITHOUT_TAKING_BACK
 *   KILLS_WITHOUT_READING_AGAIN KILLS_ANY_GENERATION WAITS_FOR_SKIPPED
 */

#define TASKS  4 /* numbered from 1 */
#define GUILTY 1
#define SLOTS  2 /* records that a ring has room for */
#define CLAIMS 3
#ifndef DEATHS
#define DEATHS 1 /* that nobody ordered */
#endif
#ifndef TAKES
#define TAKES  1 /* takings back, besides those before a kill; as many cancellings */
#endif

#define CLAIMED(sequence) ((sequence) * 4 + 1)
#define REVOKED(sequence) ((sequence) * 4 + 2)
#define SKIPPED 16 /* a reply that is no result */

/* Shared memory; new with each generation. */
byte request_a[SLOTS], request_b[SLOTS], request_tail, request_head;
byte reply_a[SLOTS], reply_b[SLOTS], reply_tail, reply_head;
byte word[CLAIMS];

/* The process. */
bool is_alive = true;
bool has_sigterm, has_sigkill; /* it may die of the one, must of the other */
bool is_hit_on_purpose;        /* a signal of ours found it alive */
byte deaths;
byte generation;

/* What the assertions look at. */
bool has_begun[TASKS + 1];
bool is_published[TASKS + 1];
byte verdicts; /* how many; each task's is in the host's table */

/* -- the worker: WorkerChannel::next(), Executor::run() -- */

#define DIES ((has_sigterm || has_sigkill || deaths < DEATHS))
/* One step that needs `condition`, unless it is the last. */
#define STEP(condition, statements) \
  if \
  :: atomic { !has_sigkill && (condition) -> statements } \
  :: atomic { DIES -> goto dies } \
  fi

active proctype worker() {
  byte position, sequence, task, half, seen;
  bool is_claimed;

begins:
  atomic { sequence = CLAIMS; position = 0; task = 0; half = 0; seen = 0; is_claimed = false }
  do
  :: true ->
end_idle:
    STEP(request_tail != position, task = request_a[position % SLOTS]);
    STEP(true, half = request_b[position % SLOTS]; assert(task == half && task != 0); half = 0);
    /* WorkerClaims::try_claim() */
    STEP(true, seen = word[sequence % CLAIMS]);
#ifdef CLAIMS_WITHOUT_CAS
    STEP(true, is_claimed = (seen != REVOKED(sequence));
               if :: is_claimed -> goto stores :: else -> goto claims_done fi);
stores:
    STEP(true, word[sequence % CLAIMS] = CLAIMED(sequence));
claims_done:
#else
    STEP(true, is_claimed = (seen != REVOKED(sequence) && word[sequence % CLAIMS] == seen);
               if
               :: is_claimed -> word[sequence % CLAIMS] = CLAIMED(sequence)
               :: else -> assert(word[sequence % CLAIMS] == REVOKED(sequence))
               fi);
#endif
    seen = 0;
    if
    :: is_claimed ->
#ifdef RELEASES_BEFORE_READING
      STEP(true, request_head = position + 1);
#endif
      STEP(true, assert(!has_begun[task]); has_begun[task] = true);
      /* The task reads its arguments where they lie until it returns. */
      STEP(true, assert(request_b[position % SLOTS] == task))
    :: else -> task = task + SKIPPED
    fi;
    /* done(), before the reply: who sees the reply sees the room. */
    STEP(true, position++; sequence++; request_head = position);
    /* reserve() waits for room, publish() */
end_full:
    STEP(reply_tail - reply_head < SLOTS, reply_a[reply_tail % SLOTS] = task);
    STEP(true, reply_b[reply_tail % SLOTS] = task);
    STEP(true, reply_tail++;
               if :: is_claimed -> is_published[task] = true; is_claimed = false :: else fi;
               task = 0)
  od;

dies:
  atomic {
    if :: !has_sigterm && !has_sigkill -> deaths++ :: else fi;
    is_alive = false
  }
end_dead:
  atomic { is_alive -> goto begins }
}

/* -- the host -- */

/* HostChannel, WorkerLink */
byte i;
byte next_sequence, front;       /* offered and not settled: front .. next_sequence - 1 */
byte call[CLAIMS];               /* 0: taken back */
byte known[CLAIMS];              /* HostClaims: what a word holds while its record is offered */
byte taken;                      /* replies */
byte revoked;                    /* taken back, and its reply not seen yet */
bool is_doomed;
/* the table and the queue */
bool is_pending[TASKS + 1];
bool has_verdict[TASKS + 1];
byte timer_generation = 255;     /* SIGKILL after SIGTERM is due for this one */

inline give_verdict(t) {
  assert(!has_verdict[t]);
  has_verdict[t] = true;
  verdicts++
}

inline new_channel() {
  next_sequence = CLAIMS; front = CLAIMS; taken = 0; revoked = 0; is_doomed = false;
  for (i : 0 .. CLAIMS - 1) { call[i] = 0; known[i] = 0 };
#ifndef REPLACEMENT_HAS_OLD_MEMORY
  request_a[0] = 0; request_a[1] = 0; request_b[0] = 0; request_b[1] = 0; request_tail = 0; request_head = 0;
  reply_a[0] = 0; reply_a[1] = 0; reply_b[0] = 0; reply_b[1] = 0; reply_tail = 0; reply_head = 0;
  for (i : 0 .. CLAIMS - 1) { word[i] = 0 };
#endif
  i = 0;
  has_sigterm = false; has_sigkill = false; is_hit_on_purpose = false
}

/* Scheduler::drain_worker(), one reply; the copy comes first, then the check, then the room. */
inline take_reply() {
  copy = reply_a[taken % SLOTS];
  atomic {
    assert(copy == reply_b[taken % SLOTS] && copy != 0);
    assert(front != next_sequence);
    if
    :: copy > SKIPPED -> assert(call[front % CLAIMS] == 0); revoked-- /* "it skipped a task that was not taken back" */
    :: else ->
      assert(call[front % CLAIMS] == copy); /* "it replied to a task it was not given, or out of order" */
      give_verdict(copy);
      known[front % CLAIMS] = CLAIMED(front)
    fi;
    call[front % CLAIMS] = 0;
    front++; taken++; copy = 0
  };
  reply_head = taken
}

/* HostClaims::try_revoke() and what follows, for the record of `sequence`. */
inline revoke(sequence) {
#ifdef REVOKES_WITHOUT_CAS
  was_revoked = (word[sequence % CLAIMS] == known[sequence % CLAIMS]);
  if
  :: was_revoked -> word[sequence % CLAIMS] = REVOKED(sequence)
  :: else
  fi;
#else
  atomic {
    was_revoked = (word[sequence % CLAIMS] == known[sequence % CLAIMS]);
    if
    :: was_revoked -> word[sequence % CLAIMS] = REVOKED(sequence)
    :: else -> assert(word[sequence % CLAIMS] == CLAIMED(sequence)) /* kCorrupt: not with a sound worker */
    fi
  };
#endif
  if
  :: atomic { was_revoked ->
       known[sequence % CLAIMS] = REVOKED(sequence);
       copy = call[sequence % CLAIMS]; call[sequence % CLAIMS] = 0; revoked++ }
#ifdef WAITS_FOR_SKIPPED
     reply_tail != taken
#endif
  :: else
  fi
}

/* Scheduler::take_back_unclaimed(): youngest first; what lies before a claimed record was claimed too. */
inline take_back_unclaimed() {
  at = next_sequence;
  do
  :: atomic { at > front -> at-- };
    if
    :: call[at % CLAIMS] != 0 ->
      revoke(at);
      if
      :: atomic { was_revoked -> is_pending[copy] = true; copy = 0; was_revoked = false }
      :: else -> break
      fi
    :: else
    fi
  :: else -> break
  od;
  at = 0
}

#define IS_CLAIMED(sequence) (word[(sequence) % CLAIMS] == CLAIMED(sequence))
/* WorkerLink::running(): the oldest that was not taken back. Here the guilty task is the oldest whenever it is offered. */
#define RUNS_GUILTY (front < next_sequence && call[front % CLAIMS] == GUILTY && IS_CLAIMED(front))

active proctype host() {
  byte copy, task, at, takes, cancels, sequence;
  bool was_revoked;

  atomic { new_channel(); for (i : 1 .. TASKS) { is_pending[i] = true } };
  do
  :: verdicts == TASKS -> break

  /* Scheduler::try_offer(): the oldest of the queue, to a worker that has_capacity(). */
  :: atomic { revoked == 0 && !is_doomed &&
#ifndef OFFERS_BEYOND_CLAIM_TABLE
              next_sequence - front < CLAIMS &&
#endif
              request_tail - request_head < SLOTS && (is_pending[1] || is_pending[2] || is_pending[3] || is_pending[4]) ->
       task = (is_pending[1] -> 1 : (is_pending[2] -> 2 : (is_pending[3] -> 3 : 4)));
       is_pending[task] = false };
#ifdef PUBLISHES_BEFORE_WRITING
    atomic { request_tail++; call[next_sequence % CLAIMS] = task; next_sequence++ };
    request_a[(request_tail - 1) % SLOTS] = task;
    request_b[(request_tail - 1) % SLOTS] = task;
#else
    request_a[request_tail % SLOTS] = task;
    request_b[request_tail % SLOTS] = task;
    atomic { request_tail++; call[next_sequence % CLAIMS] = task; next_sequence++ };
#endif
    task = 0

  :: reply_tail != taken -> take_reply()

  /* Another worker is idle, or this one retires: rebalance(), retire(). */
  :: atomic { takes < TAKES && front != next_sequence && !is_doomed -> takes++ };
    take_back_unclaimed()

  /* cancel_call(), take_from_ring(): any record, for good. */
  :: atomic { cancels < TAKES && front != next_sequence ->
       at = front;
       do
       :: at + 1 < next_sequence -> at++
       :: call[at % CLAIMS] != 0 -> break
       :: call[at % CLAIMS] == 0 && at + 1 == next_sequence -> goto turn
       od;
       cancels++ };
    revoke(at);
    if
    :: atomic { was_revoked -> assert(!has_begun[copy]); give_verdict(copy); copy = 0; was_revoked = false }
    :: else
    fi;
turn:
    at = 0

  /* sentence(): its limit has passed. */
  :: atomic { !is_doomed && RUNS_GUILTY -> sequence = front };
#ifndef KILLS_WITHOUT_TAKING_BACK
    take_back_unclaimed();
#endif
#ifndef KILLS_WITHOUT_READING_AGAIN
    do
    :: reply_tail != taken -> take_reply()
    :: else -> break
    od;
#endif
    if
#ifndef KILLS_WITHOUT_READING_AGAIN
    :: atomic { has_verdict[GUILTY] || front > sequence -> sequence = 0 }
    :: atomic { else ->
#else
    :: atomic { true ->
#endif
         is_doomed = true; has_sigterm = is_alive; is_hit_on_purpose = is_alive;
         timer_generation = generation; sequence = 0 }
    fi

  /* LocalBackend::end_worker(), kill_grace later. */
  :: atomic { timer_generation != 255 ->
       if
#ifdef KILLS_ANY_GENERATION
       :: is_alive -> has_sigkill = true; is_hit_on_purpose = true
#else
       :: is_alive && timer_generation == generation -> has_sigkill = true
#endif
       :: else
       fi;
       timer_generation = 255 }

  /* worker_ended(), by pidfd; then its replacement. */
  :: !is_alive ->
#ifndef FORGETS_RESULTS_OF_THE_DEAD
    do
    :: reply_tail != taken -> take_reply()
    :: else -> break
    od;
#endif
    atomic {
      for (i : front .. next_sequence - 1) {
        if
        :: call[i % CLAIMS] == 0
#ifdef REQUEUES_CLAIMED
        :: call[i % CLAIMS] != 0 -> is_pending[call[i % CLAIMS]] = true
#else
        :: call[i % CLAIMS] != 0 && !IS_CLAIMED(i) -> is_pending[call[i % CLAIMS]] = true
        :: call[i % CLAIMS] != 0 && IS_CLAIMED(i) ->
          assert(!is_published[call[i % CLAIMS]]);
          assert(!is_hit_on_purpose || call[i % CLAIMS] == GUILTY);
          give_verdict(call[i % CLAIMS])
#endif
        fi
      };
      i = 0;
      generation++;
      new_channel();
      is_alive = true
    }
  od
}
