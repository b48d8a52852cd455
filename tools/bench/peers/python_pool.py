"""Python's pools for bulkhead-bench: reads commands from stdin, answers each with one line.

multiprocessing.Pool and concurrent.futures.ProcessPoolExecutor with 2 workers each, as their documentation shows them.

  call POOL SECONDS          round trips one after another -> "us US US ..."
  parked POOL COUNT PAUSE    the same with a pause before each
  ahead POOL SECONDS         submitted ahead               -> "rate PER_SECOND CPU_US"
  map POOL COUNT             a map over a range            -> "rate ITEMS_PER_SECOND CPU_US"
  echo POOL BYTES SECONDS    bytes there and back          -> "us US US ..."

POOL is "multiprocessing" or "futures".
"""

import concurrent.futures
import ctypes
import multiprocessing
import os
import signal
import sys
import time

WORKERS = 2
PR_SET_PDEATHSIG = 1


def square(x):
    return x * x


def echo(data):
    return data


def follow_parent(parent):
    # Workers hold both ends of their pipes, so they would outlive a parent that is killed.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Multiprocessing:
    def __init__(self):
        self.pool = multiprocessing.get_context("fork").Pool(WORKERS, follow_parent, (os.getpid(),))
        self.pids = [process.pid for process in self.pool._pool]

    def call(self, function, x):
        return self.pool.apply(function, (x,))

    def submit(self, function, x):
        return self.pool.apply_async(function, (x,))

    @staticmethod
    def result(submitted):
        return submitted.get()

    def map(self, function, items):
        return self.pool.map(function, items)


class Futures:
    def __init__(self):
        self.pool = concurrent.futures.ProcessPoolExecutor(
            WORKERS, multiprocessing.get_context("fork"), follow_parent, (os.getpid(),)
        )
        list(self.pool.map(square, range(100)))
        self.pids = list(self.pool._processes)

    def call(self, function, x):
        return self.pool.submit(function, x).result()

    def submit(self, function, x):
        return self.pool.submit(function, x)

    @staticmethod
    def result(submitted):
        return submitted.result()

    def map(self, function, items):
        chunk = max(1, len(items) // (4 * WORKERS))  # multiprocessing's choice; the default of 1 is far slower
        return list(self.pool.map(function, items, chunksize=chunk))


def cpu_seconds(pool):
    total = time.process_time()
    for pid in pool.pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0]) / 1e9
    return total


def timed_calls(function, argument, pool, enough, pause=0.0):
    times = []
    before = cpu_seconds(pool)
    while not enough(times):
        if pause:
            time.sleep(pause)
        begin = time.perf_counter()
        pool.call(function, argument)
        times.append((time.perf_counter() - begin) * 1e6)
    cpu = (cpu_seconds(pool) - before) * 1e6 / len(times)
    return f"us {cpu:.3f} " + " ".join(f"{us:.3f}" for us in times)


def until(seconds):
    end = time.perf_counter() + seconds
    return lambda times: times and time.perf_counter() >= end


def rate(pool, action):
    before, begin = cpu_seconds(pool), time.perf_counter()
    count = action()
    seconds = time.perf_counter() - begin
    return f"rate {count / seconds:.3f} {(cpu_seconds(pool) - before) * 1e6 / count:.3f}"


def ahead(pool, seconds):
    def action():
        end = time.perf_counter() + seconds
        count = 0
        while time.perf_counter() < end:
            submitted = [pool.submit(square, x) for x in range(1000)]
            if sum(pool.result(each) for each in submitted) != sum(x * x for x in range(1000)):
                raise RuntimeError("a wrong sum")
            count += len(submitted)
        return count

    return rate(pool, action)


def answer(pools, words):
    name, pool = words[0], pools[words[1]]
    if name == "call":
        return timed_calls(square, 3, pool, until(float(words[2])))
    if name == "parked":
        count = int(words[2])
        return timed_calls(square, 3, pool, lambda times: len(times) >= count, float(words[3]))
    if name == "ahead":
        return ahead(pool, float(words[2]))
    if name == "map":
        count = int(words[2])
        return rate(pool, lambda: len(pool.map(square, range(count))))
    if name == "echo":
        return timed_calls(echo, b"x" * int(words[2]), pool, until(float(words[3])))
    raise ValueError(f"no command {name}")


def main():
    pools = {"multiprocessing": Multiprocessing(), "futures": Futures()}
    for pool in pools.values():
        for x in range(200):
            pool.call(square, x)
    print("ready", flush=True)
    for line in sys.stdin:
        print(answer(pools, line.split()), flush=True)
    # Their destructors may hang; the workers end with this process.
    os._exit(0)


if __name__ == "__main__":
    main()
