#!/usr/bin/env python3
"""Who frees what, with snapshots: `src/trie/reclaimer.rs`, over an ideal clock.

Roots and leaves are objects with a generation in which they were born, and one in which they died. What a snapshot may
still see goes on its list, and is retired again when the snapshot goes. Nothing may be used once it was freed, be freed
twice, or stay. Grace periods are ideal: an object is freed as soon as all operations have ended that were under way when
it came to the limbo. (`src/reclaim` shows that its clock gives at least this.)
"""

import itertools

from schedule import check, interleave, require

BUGS = {
    "lost_burial": "what comes to a closed list is dropped",
    "lost_record": "a change of the registry undoes another one that came first",
    "first_is_last": "what a snapshot had on its list is freed with it, though an older one sees it too",
    "any_owner": "a thread takes the snapshot that another one owns",
    "late_registration": "a snapshot is registered after its root is frozen",
    "no_grace": "what no snapshot sees is freed at once",
}


class Object:
    def __init__(self, birth, content):
        self.birth = birth
        self.content = content
        self.freed = False


class Record:
    """A registered snapshot. Its list is none once it is closed."""

    def __init__(self, generation):
        self.generation = generation
        self.dead = []


class Map:
    def __init__(self, bug):
        self.bug = bug
        self.objects = []
        self.registry = ()
        self.operations = set()
        self.limbo = []
        leaf = self.new(0, [[0, False], [0, False]])
        # A root's content: its leaf, whether that is older than the root, whether the word is frozen.
        self.root = self.new(0, (leaf, False, False))

    def new(self, birth, content):
        self.objects.append(Object(birth, content))
        return self.objects[-1]

    def use(self, object):
        require(not object.freed, "used after it was freed")
        return object.content

    def free(self, object):
        require(not object.freed, "freed twice")
        object.freed = True

    def discard(self, object):
        """What no snapshot sees is freed after a grace period."""
        waits = set() if self.bug == "no_grace" else set(self.operations)
        self.limbo.append((waits, object))
        self.collect()

    def collect(self):
        for waits, object in self.limbo:
            if not waits & self.operations:
                self.free(object)
        self.limbo = [(waits, object) for waits, object in self.limbo if waits & self.operations]

    def update_registry(self, change):
        while True:
            yield
            seen = self.registry
            yield
            if self.registry is seen or self.bug == "lost_record":
                self.registry = change(seen)
                return

    def retire(self, object, death, records=None):
        """Gives an object to the newest snapshot that sees it, or discards it."""
        if object.birth == death:
            self.discard(object)
            return
        if records is None:
            yield
            records = self.registry
        for record in sorted(records, key=lambda record: -record.generation):
            if object.birth <= record.generation < death:
                yield
                if record.dead is not None:
                    record.dead.append(object)
                    return
                if self.bug == "lost_burial":
                    return
        self.discard(object)

    def withdraw(self, record):
        yield
        dead, record.dead = record.dead, None
        yield from self.update_registry(
            lambda records: tuple(other for other in records if other is not record)
        )
        yield
        records = self.registry
        for object in dead:
            if self.bug == "first_is_last":
                self.discard(object)
            else:
                yield from self.retire(object, record.generation + 1, records)

    def advance(self, root):
        leaf, _, _ = self.use(root)
        new = self.new(root.birth + 1, (leaf, True, False))
        yield
        if self.root is root:
            self.root = new
            yield from self.retire(root, root.birth + 1)
        else:
            self.free(new)

    def get(self, key):
        yield
        root = self.root
        yield
        leaf, older, _ = self.use(root)
        yield
        word = self.use(leaf)[key]
        word[1] |= older

    def rebuild(self, root, content):
        """Freezes a leaf, and puts a copy of the root's generation in its place."""
        leaf, copy = content[0], []
        for index in range(2):
            yield
            word = self.use(leaf)[index]
            word[1] = True
            copy.append([word[0], False])
        new = self.new(root.birth, copy)
        yield
        if self.use(root) == content:
            root.content = (new, False, False)
            yield from self.retire(leaf, root.birth)
        else:
            self.free(new)

    def put(self, key, value):
        while True:
            yield
            root = self.root
            yield
            content = self.use(root)
            leaf, older, frozen = content
            if frozen:
                yield from self.advance(root)
                continue
            yield
            word = self.use(leaf)[key]
            seen = list(word)
            if older or seen[1]:
                yield from self.rebuild(root, content)
                continue
            yield
            self.use(leaf)
            if word == seen:
                word[0] = value
                return

    def grow(self):
        yield
        root = self.root
        yield
        content = self.use(root)
        if not content[2]:
            yield from self.rebuild(root, content)

    def snapshot(self):
        while True:
            yield
            root = self.root
            record = Record(root.birth)
            registration = self.update_registry(lambda records: records + (record,))
            if self.bug != "late_registration":
                yield from registration
            yield
            leaf, older, frozen = self.use(root)
            root.content = (leaf, older, True)
            owned = not frozen or self.bug == "any_owner"
            yield from self.advance(root)
            if self.bug == "late_registration":
                yield from registration
            if owned:
                return leaf, record
            yield from self.withdraw(record)

    def look(self, snapshot, key):
        leaf, _ = snapshot
        yield
        word = self.use(leaf)[key]
        word[1] = True
        seen = word[0]
        yield
        require(self.use(leaf)[key][0] == seen, "a snapshot changed")


def thread(map, steps, rng, names):
    held = []

    def operation(steps):
        name = next(names)
        map.operations.add(name)
        result = yield from steps
        map.operations.discard(name)
        map.collect()
        yield
        return result

    def drop():
        return operation(map.withdraw(held.pop(rng.randrange(len(held)))[1]))

    for step in steps:
        if step[0] == "snapshot":
            held.append((yield from operation(map.snapshot())))
        elif step[0] == "look":
            if held:
                yield from map.look(rng.choice(held), step[1])
        elif step[0] == "drop":
            if held:
                yield from drop()
        else:
            yield from operation(getattr(map, step[0])(*step[1:]))
    while held:
        yield from drop()


def step(rng, numbers):
    key = rng.randrange(2)
    choices = [("put", key, next(numbers))] * 2 + [("get", key), ("grow",), ("drop",)]
    return rng.choice(choices + [("snapshot",), ("look", key)] * 2)


def run(rng, bug):
    map, numbers, names = Map(bug), itertools.count(1), itertools.count()
    programs = [
        [step(rng, numbers) for _ in range(rng.randint(2, 7))] for _ in range(rng.randint(2, 4))
    ]
    interleave([thread(map, steps, rng, names) for steps in programs], rng)
    map.collect()
    require(not map.limbo and not map.registry, "something waits for nobody")
    leaf, _, _ = map.use(map.root)
    map.free(leaf)
    map.free(map.root)
    require(all(object.freed for object in map.objects), "never freed")


if __name__ == "__main__":
    check("reclaim", run, BUGS)
