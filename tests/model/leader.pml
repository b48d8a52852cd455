/* Who waits, who leads, who is woken: engine/src/pool/waiting.cpp, with drain() and worker_ended() of replies.cpp and
 * pump_rang() of scheduler.cpp. Three threads wait for a result each, one of them may give up at any moment; one call has a
 * callback, so that somebody must look though nobody waits; another thread submits and so drains; the worker may die at
 * any step.
 *
 * The order of memory at the park word is parking.pml's: here memory is sequentially consistent, and a word with its
 * epoch is a mode and whether it was answered. The worker never sleeps: its next task takes for
 * ever, so that it does not ring a lazy pump before.
 *
 * Proved: at most one leader; every wait without a limit ends, and ends with its result; the callback runs; nobody sleeps
 * on while its result is there and nobody leads. A thread that sleeps for ever is an invalid end state.
 *
 * Each -D below breaks one rule, and must be caught:
 *   LEADER_LEAVES_WITHOUT_HAND_OVER ONLY_LEADERS_HAND_OVER TWO_LEADERS SLEEPS_WITHOUT_SECOND_LOOK
 *   PARKED_LEADER_IS_NOT_RUNG LEAVES_ITS_ANNOUNCEMENT_UP PUMP_TAKES_ANNOUNCEMENT_DOWN CALLBACK_LEAVES_PUMP_LAZY
 *   END_OF_WORKER_TELLS_NOBODY
 */

#define WAITERS  3
#define CALLBACK WAITERS /* the task that nobody waits for */
#define TASKS    4
#ifndef DEATHS
#define DEATHS 1
#endif

#define NOBODY WAITERS

/* The host's park word (ipc::HostPark) and its bells. */
mtype = { LEADER_PARKED, PUMP_LAZY, PUMP_EAGER };
mtype mode = PUMP_LAZY;
bool is_answered; /* HostParkWatch::rung_ is this epoch */
bool leader_bell, pump_bell;
bool is_bell_rung; /* the leader's, as far as the last who slept on it knows */

/* The worker's responses. */
bool is_submitted[TASKS];
bool is_published[TASKS];
bool has_died; /* seen by pidfd */

/* Scheduler, guarded by its mutex. */
bool is_locked;
byte leader = NOBODY;
bool is_leader_parked;
bool is_callback_open;
bool is_done[TASKS];      /* has its verdict */
bool is_listed[WAITERS];  /* in waiters_ */
bool is_asleep[WAITERS];  /* in woken.wait() */
bool is_notified[WAITERS];

/* A section that nothing of the worker can come between is one step. */
#define LOCKED(statements) atomic { !is_locked -> statements }
#define HAS_REPLIES ((is_published[0] && !is_done[0]) || (is_published[1] && !is_done[1]) || \
                     (is_published[2] && !is_done[2]) || (is_published[3] && !is_done[3]))

/* HostPark::set(): a new epoch, also for the same mode. */
inline set(new_mode) { mode = new_mode; is_answered = false }
#ifdef CALLBACK_LEAVES_PUMP_LAZY
#define RESTING PUMP_LAZY
#else
#define RESTING (is_callback_open -> PUMP_EAGER : PUMP_LAZY)
#endif

/* satisfy() of the one who waits for this task. A thread that is not asleep looks before it sleeps. */
inline give_verdict(t) {
  is_done[t] = true;
  if
  :: t != CALLBACK && t == leader ->
#ifndef PARKED_LEADER_IS_NOT_RUNG
    if :: is_leader_parked -> leader_bell = true :: else fi
#else
    skip
#endif
  :: t != CALLBACK && t != leader -> is_notified[t] = is_asleep[t]
  :: else
  fi
}

byte t;
/* What was published until now. */
inline drain() {
  for (t : 0 .. TASKS - 1) {
    if :: is_published[t] && !is_done[t] -> give_verdict(t) :: else fi
  };
  t = 0
}

/* -- threads of the host -- */

/* wait() comes to its end, with the lock. The code wakes the first of the list: it may be any. */
inline leave() {
  is_listed[self] = false;
#ifndef LEADER_LEAVES_WITHOUT_HAND_OVER
  if
  :: leader == NOBODY && is_listed[0] -> is_notified[0] = is_asleep[0]
  :: leader == NOBODY && is_listed[1] -> is_notified[1] = is_asleep[1]
  :: leader == NOBODY && is_listed[2] -> is_notified[2] = is_asleep[2]
  :: else
  fi;
#endif
  is_locked = false
}

proctype waiter(byte self) {
  bool may_leave = (self == 1); /* it has a limit, which may pass at any moment */
  bool may_spin = (self == 2); /* once: it leads without the lock */
  bool has_heard = false;
#ifdef SILENCES_AFTER_ANNOUNCING
  bool is_late = false;
#endif

  LOCKED(is_locked = true; is_listed[self] = !is_done[self]; goto looks);

looks: /* wait(), with the lock */
  atomic {
    if
    :: is_done[self] -> leave(); goto leaves
#ifdef TWO_LEADERS
    :: !is_done[self] -> leader = self
#else
    :: !is_done[self] && leader == NOBODY -> leader = self
    :: !is_done[self] && leader != NOBODY -> is_asleep[self] = true; is_locked = false; goto sleeps
#endif
    fi
  };

leads: /* lead(), with the lock */
  atomic {
    drain();
    if
    :: is_done[self] || may_leave -> leader = NOBODY; leave(); goto leaves
    :: !is_done[self]
    :: !is_done[self] && may_spin -> may_spin = false; is_locked = false; goto spins
    fi
  };
  atomic {
    /* a bell that woke a leader rings until the next one is about to sleep */
    if :: is_bell_rung -> leader_bell = false; is_bell_rung = false :: else fi;
    is_leader_parked = true;
    set(LEADER_PARKED)
#ifdef SILENCES_AFTER_ANNOUNCING
    ; is_late = true
#endif
  };
  atomic {
#ifndef SLEEPS_WITHOUT_SECOND_LOOK
    if
    :: HAS_REPLIES -> drain(); goto wakes
    :: else
    fi;
#endif
    is_locked = false
  };
#ifdef SILENCES_AFTER_ANNOUNCING
  if :: is_late -> leader_bell = false; is_late = false :: else fi;
#endif
  if
  :: leader_bell -> has_heard = true
  :: may_leave -> has_heard = false
  fi;
  LOCKED(is_locked = true; is_bell_rung = has_heard; has_heard = false; goto wakes);
wakes:
  atomic {
#ifndef LEAVES_ITS_ANNOUNCEMENT_UP
    set(RESTING);
#endif
    is_leader_parked = false
  };
  skip; /* the worker may come between: goto would go on with the same step */
  goto leads;

spins:
  LOCKED(is_locked = true; goto leads);

sleeps:
  if
  :: atomic { is_notified[self] && !is_locked ->
       is_locked = true; is_asleep[self] = false; is_notified[self] = false; goto looks }
  :: atomic { may_leave && !is_locked ->
       is_asleep[self] = false; is_notified[self] = false;
#ifdef ONLY_LEADERS_HAND_OVER
       is_listed[self] = false
#else
       leave()
#endif
     }
  fi;

leaves:
  /* A wait without a limit has not ended before. */
  assert(is_done[self] || may_leave)
}

/* LocalBackend's bell, and the ends of workers. */
active proctype pump() {
end:
  do
  :: atomic { pump_bell -> pump_bell = false };
    /* pump_rang() */
    LOCKED(
      if
#ifdef PUMP_TAKES_ANNOUNCEMENT_DOWN
      :: true -> set(RESTING)
#else
      :: !is_leader_parked -> set(RESTING)
      :: else
#endif
      fi;
      is_locked = true);
    atomic { drain(); is_locked = false }
  /* worker_ended(): what it published counts, the rest is lost. */
  :: atomic { has_died && !is_locked ->
       has_died = false;
       drain();
       for (t : 0 .. TASKS - 1) {
         if
#ifdef END_OF_WORKER_TELLS_NOBODY
         :: is_submitted[t] && !is_done[t] -> is_done[t] = true
#else
         :: is_submitted[t] && !is_done[t] -> give_verdict(t)
#endif
         :: else
         fi
       };
       t = 0 }
  od
}

/* A submission with a callback, and the thread that runs it. */
proctype caller() {
  LOCKED(
    is_callback_open = true;
    if :: !is_leader_parked -> set(RESTING) :: else fi; /* expect_callback() */
    is_submitted[CALLBACK] = true;
    drain()); /* enqueue(): whoever submits helps */
  is_done[CALLBACK];
  LOCKED(
    is_callback_open = false;
    if :: !is_leader_parked -> set(RESTING) :: else fi) /* settle_callback() */
}

/* -- the worker -- */

#define CAN_PUBLISH(n) (is_submitted[n] && !is_published[n] && !is_done[n])

/* HostParkWatch: the look, then the system call. A lazy pump is rung at half full, which may be so. */
inline look_and_ring() {
  atomic {
    if
    :: !is_answered && mode == LEADER_PARKED -> bell = LEADER_PARKED; is_answered = true
    :: !is_answered && mode != LEADER_PARKED -> bell = mode; is_answered = true
    :: is_answered || mode == PUMP_LAZY
    fi
  };
  if
  :: atomic { bell == LEADER_PARKED -> leader_bell = true; bell = 0 }
  :: atomic { bell == PUMP_EAGER || bell == PUMP_LAZY -> pump_bell = true; bell = 0 }
  :: else
  fi
}

active proctype worker() {
  mtype bell;
  byte deaths;

end:
  do
  :: atomic { CAN_PUBLISH(0) -> is_published[0] = true }; look_and_ring()
  :: atomic { CAN_PUBLISH(2) -> is_published[2] = true }; look_and_ring()
  :: atomic { CAN_PUBLISH(3) -> is_published[3] = true }; look_and_ring()
  :: atomic { deaths < DEATHS -> deaths++; has_died = true };
    !has_died /* its replacement */
  od
}

init {
  atomic {
    is_submitted[0] = true; is_submitted[2] = true; /* 1 gets no result: it gives up */
    run waiter(0); run waiter(1); run waiter(2); run caller()
  }
}
