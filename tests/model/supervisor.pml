/* The life of the worker in one slot of a pool: engine/src/pool/local_backend.cpp, engine/src/process/{managed_process,
 * worker_process,warden_client}.cpp. The warden forks it, names it and reaps it; the host talks to it by socket and sees
 * its death by pidfd. Worker and warden may die at any step, the worker may be stopped or fail whenever it starts; the pool
 * is closed or terminated at any moment. All of the host's events run on its pump thread, one after the other.
 *
 * Proved: each task has one verdict; join() ends, whatever died; then no process is left and the slot is empty; no two
 * workers are attached at once; starts that always fail come to an end. What waits for ever is an invalid end state.
 *
 * Each -D below breaks one rule, and must be caught:
 *   RESTARTS_AFTER_CLOSE WARDEN_DEATH_FORGETS_RUNNING WARDEN_DEATH_FORGETS_STARTING GREETS_UNNAMED_PROCESS
 *   DROPS_EARLY_KILL CLOSE_FORGETS_BACK_OFF KEEPS_OLD_SOCKET FAILS_FOR_EVER KEEPS_STUCK_WORKER
 */

#define TASKS  2
#define BUDGET 2 /* starts that may fail in a row */
#ifndef FAULTS
#define FAULTS 2 /* deaths of worker and warden, limits that pass */
#endif
#define STARTS 8 /* more than can be: a ticket each */

/* -- what processes see of each other; by ticket, which is never 0 -- */
bool is_requested[STARTS];  /* the warden has the request */
bool is_named[STARTS];      /* the warden has sent the pidfd */
bool is_reaped[STARTS];     /* the warden has sent the exit status */
bool is_alive[STARTS];
bool is_killed[STARTS];     /* SIGKILL is on its way */
bool is_socket_open[STARTS];
bool has_said_hello[STARTS], has_said_ready[STARTS];
bool is_attached[STARTS];
bool is_told_to_leave;
bool is_stuck;
bool is_claimed, is_replied; /* the record in the ring, and its reply */
bool is_warden_up;
byte warden_generation;
byte faults;
bool always_fails;           /* whatever is started, its plugin cannot be loaded */
byte attached;               /* live processes that got the channel */

/* -- Scheduler -- */
byte pending = TASKS, verdicts;
bool is_offered;
bool is_closed, has_given_up;
#define IS_FINISHED (is_closed && verdicts == TASKS)

/* -- LocalBackend -- */
byte tickets;            /* the last one given out */
byte ticket;             /* of the slot's process */
bool has_process, has_slot, is_ready;
bool is_restart_due, is_ending, is_end_posted;
byte failures;
byte open_slots;
/* ManagedProcess */
bool was_started, is_greeted, is_warden_lost, has_died, is_kill_pending;
/* Warden (the client) */
bool is_link_up;

/* -- the worker -- */

/* One step that needs `condition`, unless it dies: by a kill, or by itself. */
#define STEP(condition, statements) \
  if \
  :: atomic { !is_killed[self] && (condition) -> statements } \
  :: atomic { is_killed[self] -> goto dies } \
  :: atomic { faults < FAULTS -> faults++; goto dies } \
  fi

proctype worker(byte self) {
  bool is_channel_mine;

  /* HostGone: nobody has the other end of its socket. */
  STEP(true, if :: !is_socket_open[self] -> goto dies :: else -> has_said_hello[self] = true fi);
  STEP(is_attached[self] || !is_socket_open[self],
       if :: is_attached[self] -> attached++; is_channel_mine = true; assert(attached == 1)
          :: else -> goto dies fi);
  STEP(true, if :: always_fails -> goto dies :: else -> has_said_ready[self] = true fi);
  do
  :: STEP((is_offered && !is_claimed) || is_told_to_leave,
          if :: is_offered && !is_claimed -> is_claimed = true
             :: else -> goto leaves fi);
    STEP(true, if :: is_replied = true :: faults < FAULTS -> goto stops fi);
    STEP(!is_replied, skip)
  od;
leaves:
  STEP(true, if :: goto dies :: faults < FAULTS -> goto stops fi);
stops: /* by SIGSTOP, or in a task or a destructor that does not end: only SIGKILL helps */
  atomic { faults++; is_stuck = true };
  atomic { is_killed[self] -> is_stuck = false };
dies:
  atomic {
    if :: is_channel_mine -> attached-- :: else fi;
    is_alive[self] = false
  }
}

/* -- the warden -- */

/* Only the last ticket matters: one process at a time is asked for. */
proctype warden(byte generation) {
  byte forked;

end:
  do
  :: atomic { generation != warden_generation -> break }
  :: atomic { generation == warden_generation && is_requested[tickets] ->
       forked = tickets;
       is_requested[forked] = false; is_alive[forked] = true; run worker(forked) };
    if
    :: atomic { generation == warden_generation -> is_named[forked] = true }
    :: atomic { generation != warden_generation -> break }
    fi
  :: atomic { generation == warden_generation && forked != 0 && !is_alive[forked] ->
       is_reaped[forked] = true; forked = 0 }
  od
}

/* -- the host -- */

/* ManagedProcess::request(): a new socket, and a new ticket. */
inline request() {
#ifndef KEEPS_OLD_SOCKET
  is_socket_open[ticket] = false;
#endif
  tickets++;
  assert(tickets < STARTS);
  ticket = tickets;
  is_socket_open[ticket] = true; is_requested[ticket] = is_link_up
}

inline fail_all() {
  is_closed = true; has_given_up = true;
  pending = 0; verdicts = TASKS; is_offered = false
}

inline slot_is_empty() {
  assert(has_slot && open_slots == 1);
  has_slot = false;
  open_slots--
}

/* ManagedProcess::greet_if_known() */
#ifdef GREETS_UNNAMED_PROCESS
#define MAY_GREET true
#else
#define MAY_GREET was_started
#endif

active proctype pump() {
  bool is_known;

  atomic {
    warden_generation = 1; is_warden_up = true; is_link_up = true; run warden(1);
    has_slot = true; open_slots = 1; is_restart_due = true
  };
end:
  do
  /* start_worker() */
  :: atomic { is_restart_due && !has_process ->
       is_restart_due = false; has_process = true;
       was_started = false; is_greeted = false; is_warden_lost = false; has_died = false; is_kill_pending = false;
       request() }
  /* process_started() */
  :: atomic { has_process && is_link_up && !was_started && is_named[ticket] ->
       was_started = true;
       if :: is_kill_pending -> is_killed[ticket] = true :: else fi }
  :: atomic { has_process && MAY_GREET && has_said_hello[ticket] && !is_greeted ->
       is_greeted = true; is_attached[ticket] = true }
  :: atomic { has_process && is_greeted && has_said_ready[ticket] && !is_ready && !has_died ->
       is_ready = true; failures = 0 }

  /* dispatch(), drain(), tell_to_leave() */
  :: atomic { is_ready && !is_offered && !is_claimed && pending > 0 -> pending--; is_offered = true }
  :: atomic { is_ready && is_replied -> goto takes_reply }
  :: atomic { is_ready && IS_FINISHED && !is_told_to_leave -> is_told_to_leave = true; is_end_posted = true }
  /* sentence(): the task's limit is over. */
  :: atomic { is_ready && is_stuck && is_offered && !is_killed[ticket] -> is_killed[ticket] = true }

  /* all_work_done(), terminate(): end_workers() */
  :: atomic { is_end_posted && !is_ending ->
       is_ending = true;
       if
       :: has_process && (has_given_up || !is_ready) ->
         if
         :: was_started -> is_killed[ticket] = true
#ifdef DROPS_EARLY_KILL
         :: else
#else
         :: else -> is_kill_pending = true
#endif
         fi
#ifdef CLOSE_FORGETS_BACK_OFF
       :: !has_process && has_slot -> is_restart_due = false
#else
       :: !has_process && has_slot -> is_restart_due = false; slot_is_empty()
#endif
       :: else
       fi }
  /* kLeavingGrace is over; terminate() has killed all there were. */
#ifndef KEEPS_STUCK_WORKER
  :: atomic { is_ending && !has_given_up && is_ready && !is_killed[ticket] -> is_killed[ticket] = true }
#endif

  /* died(): by pidfd */
  :: atomic { has_process && was_started && !is_alive[ticket] && !has_died ->
       has_died = true;
       if
       :: is_warden_lost -> is_known = false; goto finishes
       :: else
       fi }
  /* process_exited(): by the warden, which may be late (kStatusLimit). */
  :: atomic { has_process && is_link_up && !is_warden_lost && was_started && is_reaped[ticket] ->
       is_known = true; goto finishes }
  :: atomic { has_process && has_died && !is_warden_lost && faults < FAULTS ->
       faults++; is_known = false; goto finishes }
  /* give_up(): handshake_limit or init_limit has passed. */
  :: atomic { has_process && !is_ready && !has_died && faults < FAULTS ->
       faults++;
       if
       :: was_started -> is_killed[ticket] = true
       :: else -> is_requested[ticket] = false; is_known = true; goto finishes
       fi }

  /* Warden::lose(), tell_all_lost(), ManagedProcess::warden_lost() */
  :: atomic { is_link_up && !is_warden_up ->
       is_link_up = false;
       if
#ifndef WARDEN_DEATH_FORGETS_STARTING
       :: has_process && !was_started -> is_requested[ticket] = false; request()
#endif
       :: has_process && was_started && has_died -> is_known = false; goto finishes
#ifdef WARDEN_DEATH_FORGETS_RUNNING
       :: has_process && was_started && !has_died -> is_warden_lost = true; has_died = true
#else
       :: has_process && was_started && !has_died -> is_warden_lost = true
#endif
       :: else
       fi }
  /* launch(), said_hello() */
  :: atomic { !is_link_up ->
       is_link_up = true; is_warden_up = true; warden_generation++; run warden(warden_generation);
       if :: has_process && !was_started -> is_requested[ticket] = true :: else fi }
  od;

takes_reply:
  atomic {
    if :: is_offered -> verdicts++; is_offered = false :: else fi; /* not after fail_all() */
    is_replied = false; is_claimed = false;
    goto end
  };

  /* ManagedProcess::finish(), WorkerProcess::ended(), LocalBackend::worker_ended() */
finishes:
  atomic {
    is_socket_open[ticket] = false;
    if
    :: is_ready ->
      /* Scheduler::worker_ended(): drain; then what it had begun is lost, and what not goes back. */
      if
      :: is_offered && (is_replied || is_claimed) -> verdicts++
      :: is_offered && !is_replied && !is_claimed -> pending++
      :: else
      fi;
      is_offered = false; is_replied = false; is_claimed = false; is_told_to_leave = false;
      if :: IS_FINISHED -> is_end_posted = true :: else fi
    :: else
    fi;
    has_process = false;
    if
#ifdef RESTARTS_AFTER_CLOSE
    :: is_ready -> is_restart_due = true
    :: !is_ready && (is_ending || IS_FINISHED) -> slot_is_empty()
#else
    :: is_ending || IS_FINISHED -> slot_is_empty()
    :: !is_ending && !IS_FINISHED && is_ready -> is_restart_due = true
#endif
    :: !is_ending && !IS_FINISHED && !is_ready && !is_known -> is_restart_due = true
    :: !is_ending && !IS_FINISHED && !is_ready && is_known ->
      /* note_start_failure() */
      failures++;
      if
#ifndef FAILS_FOR_EVER
      :: failures == BUDGET -> slot_is_empty(); fail_all(); is_ending = true /* PoolBroken */
#endif
      :: failures != BUDGET -> is_restart_due = true
      fi
    fi;
    is_ready = false;
    goto end
  }
}

active proctype warden_killer() {
  if
  :: atomic { faults < FAULTS && is_warden_up -> faults++; is_warden_up = false; warden_generation++ }
  :: always_fails = true
  :: true
  fi
}

/* The embedder. */
active proctype caller() {
  tickets != 0; /* the pool is made */
  if
  :: atomic { is_closed = true; if :: IS_FINISHED -> is_end_posted = true :: else fi }
  :: atomic { !is_closed -> fail_all(); is_end_posted = true }
  fi;
  /* join() */
  open_slots == 0 && IS_FINISHED;
  assert(!has_process && !is_restart_due && pending == 0 && !is_offered)
}
