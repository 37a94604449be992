#!/usr/bin/env python3
"""Buckets and freeze-on-observe: `src/bucket/mod.rs`, and generations as in `src/trie/mod.rs`.

One root leads to one leaf of two buckets. A bucket has a state and slots, which are written again as soon as they are dead.
A claim is revoked by freezing. There are lookups, insertions, removals, rebuilds, snapshots, and their lookups. Every
history must be linearizable, and a snapshot must hold what the map held at one instant.
"""

import itertools
from typing import NamedTuple

from schedule import History, check, interleave

KEYS = 3
SLOTS = 3

BUGS = {
    "no_validation": "a reader does not look at the state again",
    "no_version": "states with the same live bits are equal",
    "no_claim": "a writer does not keep others out",
    "publish_frozen": "a writer publishes into a bucket that was frozen after its claim",
    "reuse_live": "a replacement writes the slot of the entry that it replaces",
    "thaw_old": "an operation reads an older bucket without freezing it",
    "thaw_snapshot": "a lookup in a snapshot does not freeze the bucket",
}


class State(NamedTuple):
    live: frozenset = frozenset()
    busy: bool = False
    frozen: bool = False
    version: int = 0

    def same_entries(self, other):
        return self.live == other.live and self.version == other.version

    def is_open(self):
        return not self.busy and not self.frozen


class Bucket:
    def __init__(self, entries=()):
        self.keys = [None] * SLOTS
        self.values = [None] * SLOTS
        self.state = State(live=frozenset(range(len(entries))))
        for slot, (key, value) in enumerate(entries):
            self.keys[slot], self.values[slot] = key, value

    def freeze(self):
        self.state = self.state._replace(frozen=True)
        return self.state


class Word(NamedTuple):
    """What leads to a leaf, which is its buckets."""

    leaf: tuple
    older: bool = False
    frozen: bool = False


class Root:
    def __init__(self, word):
        self.word = word


class Map:
    def __init__(self, bug, numbers):
        self.bug = bug
        self.numbers = numbers
        self.root = Root(Word((Bucket(), Bucket())))

    def next_state(self, state, live):
        version = state.version + (self.bug != "no_version")
        return State(live=frozenset(live), version=version)

    def advance(self, root):
        """Makes the next root after one whose word is frozen. Any thread does it that meets such a one."""
        new = Root(Word(root.word.leaf, older=True))
        yield
        if self.root is root:
            self.root = new

    def rebuild(self, root, word):
        """Freezes a leaf and copies it."""
        copies = []
        for bucket in word.leaf:
            yield
            state, entries = bucket.freeze(), []
            for slot in sorted(state.live):
                yield
                entries.append((bucket.keys[slot], bucket.values[slot]))
            copies.append(Bucket(entries))
        yield
        if root.word == word:
            root.word = Word(tuple(copies))

    def search(self, bucket, key, state):
        """The slot and value of a key, to be validated."""
        for slot in sorted(state.live):
            yield
            if bucket.keys[slot] == key:
                yield
                return slot, bucket.values[slot]
        return None, None

    def get(self, key):
        while True:
            yield
            word = self.root.word
            bucket = word.leaf[key % 2]
            yield
            state = bucket.freeze() if word.older and self.bug != "thaw_old" else bucket.state
            _, value = yield from self.search(bucket, key, state)
            yield
            if bucket.state.same_entries(state) or self.bug == "no_validation":
                return value

    def change(self, key, new):
        """Inserts a value, or removes the key if it is none. Returns the value before."""
        while True:
            yield
            root = self.root
            yield
            word = root.word
            bucket = word.leaf[key % 2]
            if word.frozen:
                yield from self.advance(root)
                continue
            if word.older:
                yield from self.rebuild(root, word)
                continue
            yield
            state = bucket.state
            if state.frozen or state.busy and self.bug != "no_claim":
                # Nobody is waited for: the owner may have stalled.
                yield from self.rebuild(root, word)
                continue
            slot, old = yield from self.search(bucket, key, state)
            yield
            if not bucket.state.same_entries(state):
                continue
            if new is None:
                if slot is None:
                    return None
                yield
                if bucket.state == state:
                    bucket.state = self.next_state(state, state.live - {slot})
                    return old
                continue
            free = min(set(range(SLOTS)) - state.live, default=None)
            if self.bug == "reuse_live" and slot is not None:
                free = slot
            if free is None:
                yield from self.rebuild(root, word)
                continue
            claimed = state
            if self.bug != "no_claim":
                yield
                if bucket.state != state:
                    continue
                claimed = bucket.state = state._replace(busy=True)
            yield
            bucket.keys[free] = key
            yield
            bucket.values[free] = new
            yield
            published = self.next_state(state, (state.live - {slot}) | {free})
            if bucket.state == claimed:
                bucket.state = published
                return old
            if self.bug == "publish_frozen" and bucket.state == claimed._replace(frozen=True):
                bucket.state = published._replace(frozen=True)
                return old

    def grow(self):
        yield
        root = self.root
        yield
        word = root.word
        if not word.older and not word.frozen:
            yield from self.rebuild(root, word)

    def snapshot(self):
        """The root whose word this thread froze."""
        while True:
            yield
            root = self.root
            yield
            won = not root.word.frozen
            root.word = root.word._replace(frozen=True)
            yield from self.advance(root)
            if won:
                return root

    def look(self, root, key):
        """A lookup in a snapshot."""
        bucket = root.word.leaf[key % 2]
        yield
        state = bucket.state if self.bug == "thaw_snapshot" else bucket.freeze()
        _, value = yield from self.search(bucket, key, state)
        return value


def program(rng, numbers):
    steps = []
    for _ in range(rng.randint(1, 4)):
        kind, key = rng.random(), rng.randrange(KEYS)
        if kind < 0.08:
            steps.append(("grow",))
        elif kind < 0.42:
            steps.append(("insert", key, next(numbers)))
        elif kind < 0.57:
            steps.append(("remove", key))
        elif kind < 0.8:
            steps.append(("get", key))
        else:
            looks = [("look", other) for other in range(KEYS) for _ in range(2)]
            steps += [("snapshot",), *rng.sample(looks, 3)]
    return steps


def thread(map, steps, history, seen):
    snapshot = None
    for step in steps:
        start = history.time()
        if step[0] == "grow":
            yield from map.grow()
            continue
        if step[0] == "look":
            # A snapshot is one event: all looks at it must agree with one instant.
            value = yield from map.look(snapshot, step[1])
            seen[snapshot].append((step[1], value))
            continue
        if step[0] == "snapshot":
            result = snapshot = yield from map.snapshot()
            seen[snapshot] = []
        elif step[0] == "insert":
            result = yield from map.change(step[1], step[2])
        elif step[0] == "remove":
            result = yield from map.change(step[1], None)
        else:
            result = yield from map.get(step[1])
        history.events.append((start, history.time(), (step, result)))
        yield


def run(rng, bug):
    numbers = itertools.count(1)
    map, history, seen = Map(bug, numbers), History(), {}
    programs = [program(rng, numbers) for _ in range(rng.randint(2, 4))]
    interleave([thread(map, steps, history, seen) for steps in programs], rng)

    def apply(state, event):
        step, result = event
        if step[0] == "snapshot":
            return state if all(state[key] == value for key, value in seen[result]) else None
        key = step[1]
        if state[key] != result:
            return None
        if step[0] == "get":
            return state
        new = step[2] if step[0] == "insert" else None
        return state[:key] + (new,) + state[key + 1 :]

    history.explain((None,) * KEYS, apply)


if __name__ == "__main__":
    check("buckets", run, BUGS)
