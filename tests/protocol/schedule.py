"""Random schedules of small models, and whether what they did can be explained.

A thread is a generator that yields before each access to shared memory. A model has a `run(random, bug)`, which runs one
random program under one random schedule and raises `Wrong` if the outcome is impossible.
"""

import random
import sys
import time

# Steps after which a schedule is taken to have no end.
LONGEST = 20_000


class Wrong(Exception):
    """What no correct protocol does."""


def require(holds, what):
    if not holds:
        raise Wrong(what)


def interleave(threads, rng):
    """Runs the threads to their ends, one step of a random one at a time. Some are much slower than others, for a while."""

    def weights():
        return [rng.random() ** 3 + 0.01 for _ in threads]

    speeds = weights()
    for _ in range(LONGEST):
        if not threads:
            return
        if rng.random() < 0.1:
            speeds = weights()
        chosen = rng.choices(range(len(threads)), speeds[: len(threads)])[0]
        try:
            next(threads[chosen])
        except StopIteration:
            del threads[chosen], speeds[chosen]
    raise Wrong("no progress")


class History:
    """Operations with the times at which they began and ended."""

    def __init__(self):
        self.now = 0
        self.events = []

    def time(self):
        self.now += 1
        return self.now

    def explain(self, state, apply):
        """Asserts that some order of all events, in which none comes before one that had ended when it began, has their
        results. `apply(state, event)` returns the next state, or none if the event has another result there."""
        events = self.events
        dead_ends = set()

        def search(left, state):
            if not left:
                return True
            if (left, state) in dead_ends:
                return False
            first_end = min(events[index][1] for index in left)
            for index in left:
                start, _, event = events[index]
                if start <= first_end:
                    after = apply(state, event)
                    if after is not None and search(left - {index}, after):
                        return True
            dead_ends.add((left, state))
            return False

        explained = search(frozenset(range(len(events))), state)
        require(explained, f"no order explains this history: {sorted(events, key=str)}")


def check(name, run, bugs):
    """Runs a model for some seconds, and then with each bug, which must be found."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    rng = random.Random(1)
    end, runs = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        run(rng, None)
        runs += 1
    print(f"{name}: {runs} schedules")
    for bug in bugs:
        end, runs = time.monotonic() + 10 * max(seconds, 1), 0
        try:
            while time.monotonic() < end:
                runs += 1
                run(rng, bug)
            sys.exit(f"{name}: {bug} was not found in {runs} schedules")
        except Wrong as wrong:
            print(f"{name}: {bug} was found by schedule {runs}: {str(wrong)[:60]}")
