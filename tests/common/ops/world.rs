//! The world that ops are played in: what lives in it, its full check, and its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;
use std::rc::Rc;

use snaptrie::mode::{self, Place};
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, SnapshotEntry, SnapshotIntoIter, TrieMap};

use super::hashes::{Hashes, Hashing};
use super::objects::{AnyKey, AnyValue, CopyKey, CopyValue, Key, Ledger, Mark, Mood, Value};
use super::oracle::{Oracle, Row, likenesses, sorted};
use super::{Handle, Tested};
use super::{Op, Ops, Verb};

/// What a world is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) hashing: Hashing,
    /// Whether maps have an epoch collector of their own.
    pub(crate) private: bool,
    /// Number of different keys.
    pub(crate) keys: u16,
    /// Entries that all ops on ranges and whole maps together may touch; then ranges are one key
    /// long, and no op looks at whole maps.
    pub(crate) bulk: usize,
}

pub(crate) type Trie = TrieMap<Key, Value, Hashes>;
pub(crate) type Inline = CopyTrieMap<CopyKey, CopyValue, Hashes>;
pub(crate) type Flat = FlatMap<Key, Value, Hashes>;
pub(crate) type InlineFlat = CopyFlatMap<CopyKey, CopyValue, Hashes>;

/// A map that a world may be made of.
pub(crate) trait Playable:
    Tested<Key: AnyKey, Value: AnyValue, Hasher = Hashes, Version: Clone>
    + Default
    + Debug
    + PartialEq
    + Extend<(Self::Key, Self::Value)>
    + FromIterator<(Self::Key, Self::Value)>
    + Sized
{
    /// What owned iteration over a snapshot leaves about.
    type Loose;

    fn extend_shared(&self, entries: Vec<(Self::Key, Self::Value)>);

    /// Inserts keys that come with a value through a writer, and removes the others.
    fn stream(&self, changes: Vec<(Self::Key, Option<Self::Value>)>);

    /// Plays an op on versions of maps.
    fn play_versions(world: &mut World<Self>, op: Op);

    /// The contents of clones of the map, of both kinds.
    fn converted(&self) -> [Vec<(u16, u8)>; 2];
    /// What a version holds for a key.
    fn frozen_row(version: &Self::Version, id: u16) -> Option<Row>;

    /// How much a version holds.
    fn frozen_len(version: &Self::Version) -> usize;
}

macro_rules! playable_trie {
    ($Trie:ty, $Layout:ty) => {
        impl Playable for $Trie {
            type Loose = Loose<Self::Key, Self::Value, $Layout>;

            fn converted(&self) -> [Vec<(u16, u8)>; 2] {
                let flat = self.snapshot().to_flat();
                flat.check();
                let pinned = flat.handle();
                let clones = pinned.iter().map(|(key, value)| (key.clone(), value.clone()));
                let trie: Self = clones.collect();
                trie.check();
                [likenesses(pinned.iter()), likenesses(trie.handle().iter())]
            }

            fn stream(&self, changes: Vec<(Self::Key, Option<Self::Value>)>) {
                let mut writer = self.writer();
                for (key, value) in changes {
                    match value {
                        Some(value) => writer.insert(key, value),
                        None => writer.remove(key),
                    }
                }
            }

            fn extend_shared(mut self: &Self, entries: Vec<(Self::Key, Self::Value)>) {
                self.extend(entries);
            }

            fn play_versions(world: &mut World<Self>, op: Op) {
                world.step_versions(op);
            }

            fn frozen_row(version: &Self::Version, id: u16) -> Option<Row> {
                version.get_key_value(&id).map(Row::of)
            }

            fn frozen_len(version: &Self::Version) -> usize {
                version.len()
            }
        }
    };
}
playable_trie!(Trie, mode::Boxed);
playable_trie!(Inline, mode::Inline);

macro_rules! playable_flat {
    ($Flat:ty) => {
        impl Playable for $Flat {
            type Loose = Infallible;

            fn stream(&self, changes: Vec<(Self::Key, Option<Self::Value>)>) {
                let mut writer = self.writer();
                for (key, value) in changes {
                    match value {
                        Some(value) => writer.insert(key, value),
                        None => writer.remove(key),
                    }
                }
            }

            fn extend_shared(mut self: &Self, entries: Vec<(Self::Key, Self::Value)>) {
                self.extend(entries);
            }

            /// There are none.
            fn play_versions(_world: &mut World<Self>, _op: Op) {}

            fn converted(&self) -> [Vec<(u16, u8)>; 2] {
                let (trie, clone) = (self.to_trie(), self.clone());
                trie.check();
                clone.check();
                [likenesses(trie.handle().iter()), likenesses(clone.handle().iter())]
            }

            fn frozen_row(_version: &Self::Version, _id: u16) -> Option<Row> {
                None
            }

            fn frozen_len(_version: &Self::Version) -> usize {
                0
            }
        }
    };
}
playable_flat!(Flat);
playable_flat!(InlineFlat);

/// A live map.
pub(super) struct Live<M> {
    pub(super) map: M,
    pub(super) oracle: RefCell<Oracle>,
    /// A generation that each later snapshot must be above; zero if there may have been none.
    newest: Cell<u64>,
    /// The instant that a fork has its content from; zero for a map that is no fork.
    pub(super) born: u32,
    /// How often everything was taken out.
    pub(super) emptied: Cell<u32>,
}

impl<M> Live<M> {
    /// A map that is no fork.
    pub(super) fn new(map: M, oracle: Oracle) -> Rc<Self> {
        Self::fork(map, oracle, 0, 0)
    }

    fn fork(map: M, oracle: Oracle, newest: u64, born: u32) -> Rc<Self> {
        let (oracle, newest) = (RefCell::new(oracle), Cell::new(newest));
        Rc::new(Self { map, oracle, newest, born, emptied: Cell::new(0) })
    }

    pub(super) fn row(&self, id: u16) -> Option<Row> {
        self.oracle.borrow().get(id)
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest.get()
    }

    /// Checks the number of a snapshot that was just taken.
    pub(super) fn number(&self, generation: u64) {
        let before = self.newest.replace(generation);
        assert!(
            generation > before || (generation, before) == (0, 0),
            "snapshot {generation} came after {before}"
        );
    }
}

/// A snapshot.
pub(super) struct Shot<M: Tested> {
    pub(super) frozen: M::Version,
    pub(super) oracle: Oracle,
    /// The instant that it was taken at. The same for its clones.
    pub(super) born: u32,
    /// What of it somebody has looked at.
    pub(super) seen: Rc<RefCell<Seen>>,
}

/// Keys that were looked up, or all; or which keys there are, but not their values.
#[derive(Debug, Default)]
pub(super) struct Seen {
    all: bool,
    counted: bool,
    ids: BTreeSet<u16>,
}

impl<M: Playable> Clone for Shot<M> {
    fn clone(&self) -> Self {
        let (frozen, oracle) = (self.frozen.clone(), self.oracle.clone());
        Self { frozen, oracle, born: self.born, seen: Rc::clone(&self.seen) }
    }
}

impl<M: Playable> Shot<M> {
    pub(super) fn check(&self) {
        self.see_all();
        assert_eq!(sorted(M::entries(&self.frozen)), self.oracle.rows());
        assert_eq!(M::frozen_len(&self.frozen), self.oracle.len());
    }

    pub(super) fn see(&self, id: u16) {
        self.seen.borrow_mut().ids.insert(id);
    }

    pub(super) fn see_all(&self) {
        self.seen.borrow_mut().all = true;
    }

    pub(super) fn see_count(&self) {
        self.seen.borrow_mut().counted = true;
    }

    fn has_counted(&self) -> bool {
        self.seen.borrow().counted
    }

    pub(super) fn has_seen(&self, id: u16) -> bool {
        let seen = self.seen.borrow();
        seen.all || seen.ids.contains(&id)
    }
}

/// What `Snapshot::into_iter` left about.
pub(crate) enum Loose<K: 'static, V: 'static, L: Place<K, V>> {
    Entry(SnapshotEntry<K, V, L>, Row),
    /// An iterator, the rows that it has yielded, and what it iterates over.
    Rest(SnapshotIntoIter<K, V, L>, Vec<Row>, Oracle),
}

/// A call of a map's method whose closure may play other ops.
pub(super) struct Pending<M> {
    pub(super) live: Rc<Live<M>>,
    pub(super) id: u16,
    /// The entry when it began.
    pub(super) before: Option<Row>,
    /// The latest instant when it began.
    began: u32,
    emptied: u32,
}

impl<M> Pending<M> {
    /// Whether the map was not emptied since the call began. If it was, the call may have taken
    /// effect before that, on what is no longer there.
    pub(super) fn is_strict(&self) -> bool {
        self.live.emptied.get() == self.emptied
    }
}

/// More than this at once would make sequences slow, and find no more.
const MAPS: usize = 6;
const SHOTS: usize = 16;
const LOOSE: usize = 12;

/// How deep ops go that span others.
const DEPTH: usize = 3;

pub(crate) struct World<M: Playable> {
    pub(super) setup: Setup,
    pub(super) ledger: Rc<Ledger>,
    hashes: Hashes,
    pub(super) maps: Vec<Rc<Live<M>>>,
    pub(super) shots: Vec<Shot<M>>,
    pub(super) loose: Vec<M::Loose>,
    bulk: usize,
    depth: usize,
    /// The latest instant that a snapshot, fork or take was made at.
    instant: u32,
    /// Keys of live maps that were looked at by ops inside others, each with the latest instant.
    looks: Vec<(*const Live<M>, u16, u32)>,
}

impl<M: Playable> World<M> {
    pub(super) fn new(setup: Setup) -> Self {
        let mood = Mood::default();
        let fickle = (!setup.hashing.is_consistent()).then(|| mood.clone());
        Self {
            setup,
            ledger: Ledger::new(fickle),
            hashes: Hashes::moody(setup.hashing, mood),
            maps: Vec::new(),
            shots: Vec::new(),
            loose: Vec::new(),
            bulk: setup.bulk,
            depth: 0,
            instant: 0,
            looks: Vec::new(),
        }
    }

    /// Plays all ops that are left.
    pub(super) fn run(&mut self, ops: &mut Ops<'_>) {
        while let Some(op) = ops.next() {
            self.step(*op, ops);
            self.looks.clear();
            self.ledger.assert_no_double_drop();
        }
    }

    /// Plays the next few ops inside another.
    pub(super) fn run_some(&mut self, ops: &mut Ops<'_>, span: u8) {
        if self.depth == DEPTH {
            return;
        }
        self.depth += 1;
        for _ in 0..span {
            if let Some(op) = ops.next() {
                self.step(*op, ops);
            }
        }
        self.depth -= 1;
    }

    fn step(&mut self, op: Op, rest: &mut Ops<'_>) {
        // Closures of most ops do nothing else.
        let idle = |_: &mut Self| {};
        match op.verb {
            Verb::Look => self.look(op),
            Verb::Walk => self.walk(op),
            Verb::Len => self.len(op),
            Verb::Show => self.show(op),
            Verb::Reflect => self.reflect(op),
            Verb::Insert => self.insert(op),
            Verb::TryInsert => self.try_insert(op),
            Verb::GetOrInsert => self.get_or_insert(op),
            Verb::GetOrInsertWith => self.get_or_insert_with(op, idle),
            Verb::TryInsertWith => self.try_insert_with(op, idle),
            Verb::Update => self.update(op, idle),
            Verb::UpdateOrInsert => self.update_or_insert(op, idle),
            Verb::UpdateOrInsertWith => self.update_or_insert_with(op, idle),
            Verb::Compute => self.compute(op, idle),
            Verb::Remove => self.remove(op),
            Verb::RemoveEntry => self.remove_entry(op),
            Verb::RemoveIf => self.remove_if(op, idle),
            Verb::Retain => self.retain(op, idle),
            Verb::Clear => self.clear(op),
            Verb::InsertRange => self.insert_range(op),
            Verb::RemoveRange => self.remove_range(op),
            Verb::Extend => self.extend(op),
            Verb::FromIter => self.collect_map(op),
            Verb::NewMap => self.new_map(op),
            Verb::DropMap => self.drop_map(op),
            Verb::EqualMaps => self.equal_maps(op),
            Verb::CheckMap => self.check_map(op),
            Verb::Hold => self.hold(op, rest),
            Verb::Nest => self.nest(op, rest),
            Verb::Reserve => self.reserve(op),
            Verb::Shrink => self.shrink(op),
            Verb::GetMany => self.get_many(op),
            Verb::InsertMany => self.insert_many(op),
            Verb::GetOrInsertMany => self.get_or_insert_many(op),
            Verb::RemoveMany => self.remove_many(op),
            Verb::Stream => self.stream(op),
            Verb::Convert => self.convert(op),
            _ => M::play_versions(self, op),
        }
    }

    /// Asserts that what a map says is what its oracle says, in a world where that has a meaning.
    #[track_caller]
    pub(super) fn agree<T: PartialEq + Debug>(&self, map_says: T, oracle_says: T) {
        if self.trusts() {
            assert_eq!(map_says, oracle_says);
        }
    }

    pub(super) fn trusts(&self) -> bool {
        self.setup.hashing.is_consistent()
    }

    /// The key that an op means.
    pub(super) fn id(&self, op: Op) -> u16 {
        op.key % self.setup.keys.min(self.setup.hashing.bearable())
    }

    /// A new key and value for an op, and their row.
    pub(super) fn fresh(&self, id: u16, label: u8) -> (M::Key, M::Value, Row) {
        let (key, value) = (M::Key::new(&self.ledger, id), M::Value::new(&self.ledger, label));
        let row = Row::of((&key, &value));
        (key, value, row)
    }

    /// The range of keys that an op means: up to half of all.
    pub(super) fn range(&mut self, op: Op) -> impl Iterator<Item = u16> + use<M> {
        let keys = self.setup.keys.min(self.setup.hashing.bearable());
        let long = usize::from(keys) * usize::from(op.arg) / 512;
        let len = 1 + if self.affords(long) { long } else { 0 };
        let start = self.id(op);
        (0..len as u32).map(move |i| ((u32::from(start) + i) % u32::from(keys)) as u16)
    }

    /// Whether there is enough left for so much work at once; then it is spent.
    pub(super) fn affords(&mut self, entries: usize) -> bool {
        let affords = entries <= self.bulk;
        self.bulk -= if affords { entries } else { 0 };
        affords
    }

    /// The map that an op means.
    pub(super) fn live(&mut self, op: Op) -> Rc<Live<M>> {
        if self.maps.is_empty() {
            self.new_map(op);
        }
        Rc::clone(&self.maps[usize::from(op.pick) % self.maps.len()])
    }

    /// The map and the key that an op means.
    pub(super) fn target(&mut self, op: Op) -> (Rc<Live<M>>, u16) {
        let (live, id) = (self.live(op), self.id(op));
        if self.depth > 0 {
            self.looks.push((Rc::as_ptr(&live), id, self.instant));
        }
        (live, id)
    }

    pub(super) fn new_map(&mut self, op: Op) {
        let hashes = self.hashes.clone();
        let map = if self.setup.private {
            M::with_private_collector(hashes)
        } else if self.setup.hashing == Hashing::Good {
            M::default()
        } else {
            M::with_hasher(hashes)
        };
        self.add_map(op, Live::new(map, Oracle::default()));
    }

    pub(super) fn add_map(&mut self, op: Op, live: Rc<Live<M>>) {
        push(&mut self.maps, MAPS, op, live);
    }

    /// Keeps a fork of something with this content, whose generation was this one or a later one.
    pub(super) fn add_fork(
        &mut self,
        op: Op,
        fork: M,
        content: Oracle,
        generation: u64,
        born: u32,
    ) {
        // A fork of nothing is a new map. Without trust nobody knows.
        let is_new = content.is_empty() || !self.trusts();
        let newest = if is_new { 0 } else { generation };
        self.add_map(op, Live::fork(fork, content, newest, born));
    }

    /// The number of a new version's instant.
    pub(super) fn next_instant(&mut self) -> u32 {
        self.instant += 1;
        self.instant
    }

    pub(super) fn add_loose(&mut self, op: Op, loose: M::Loose) {
        push(&mut self.loose, LOOSE, op, loose);
    }

    /// Keeps a snapshot that was just taken of a map with this content.
    pub(super) fn add_shot(&mut self, op: Op, frozen: M::Version, content: Oracle) {
        let told = |frozen| Oracle::told(M::entries(frozen).map(Row::of));
        let oracle = if self.trusts() { content } else { told(&frozen) };
        let shot = Shot { frozen, oracle, born: self.next_instant(), seen: Rc::default() };
        push(&mut self.shots, SHOTS, op, shot);
    }

    pub(super) fn clone_shot(&mut self, op: Op, shot: &Shot<M>) {
        push(&mut self.shots, SHOTS, op, shot.clone());
    }

    /// Begins a call whose closure may meddle.
    pub(super) fn begin(&self, live: &Rc<Live<M>>, id: u16) -> Pending<M> {
        let (live, before) = (Rc::clone(live), live.row(id));
        let emptied = live.emptied.get();
        Pending { live, id, before, began: self.instant, emptied }
    }

    /// Ends a call that changed its key from an entry with the value `old` to `new`.
    ///
    /// It changed the map as it is now. Or, if versions of the map were made meanwhile, and nobody
    /// has looked at the key since one of these instants, as it was then: then that version and all
    /// later ones have the change.
    pub(super) fn commit(&mut self, call: &Pending<M>, old: Option<Mark>, new: Option<Row>) {
        if !self.trusts() {
            return;
        }
        let &Pending { ref live, id, began, .. } = call;
        if call.is_strict() {
            assert_eq!(live.row(id).map(Row::value), old, "not what was changed");
            live.oracle.borrow_mut().set(id, new);
        } else {
            let actual = live.map.handle().get_key_value(&id).map(Row::of);
            live.oracle.borrow_mut().adopt(id, actual, (old, new));
        }
        for fork in self.maps.iter().filter(|fork| fork.born > began) {
            let actual = fork.map.handle().get_key_value(&id).map(Row::of);
            fork.oracle.borrow_mut().adopt(id, actual, (old, new));
        }
        for shot in self.shots.iter_mut().filter(|shot| shot.born > began) {
            let actual = M::frozen_row(&shot.frozen, id);
            if shot.oracle.adopt(id, actual, (old, new)) {
                assert!(!shot.has_seen(id), "a snapshot changed after a look at it");
                let replaced = old.is_some() && new.is_some();
                assert!(replaced || !shot.has_counted(), "another key after the keys were counted");
                let later = |look: &(_, u16, u32)| {
                    (look.0, look.1) == (Rc::as_ptr(live), id) && look.2 >= shot.born
                };
                let looked = call.is_strict() && self.looks.iter().any(later);
                assert!(!looked, "a snapshot changed after a look at the map");
            }
        }
    }

    /// Compares a map with its oracle in every way, and checks its structure.
    pub(super) fn check(&self, live: &Live<M>) {
        let oracle = live.oracle.borrow();
        let rows = oracle.rows();
        let pinned = live.map.handle();
        self.agree(sorted(pinned.iter()), rows.clone());
        self.agree(pinned.len(), rows.len());
        self.agree(live.map.is_empty(), rows.is_empty());
        for row in rows {
            self.agree(pinned.get_key_value(&row.id).map(Row::of), Some(row));
        }
        let keys = self.setup.keys;
        let absent = (0..keys).step_by(1 + usize::from(keys / 64));
        for id in absent.filter(|id| oracle.get(*id).is_none()) {
            self.agree(pinned.contains_key(&id), false);
        }
        if self.trusts() {
            live.map.check();
        }
    }

    /// Checks everything, drops it in the order that `order` tells, and counts what is left.
    pub(super) fn finish(mut self, order: &[u8]) {
        self.maps.iter().for_each(|live| self.check(live));
        self.shots.iter().for_each(Shot::check);
        let mut things = self.things();
        let ledger = Rc::clone(&self.ledger);
        let mut order = order.iter().cycle();
        while !things.is_empty() {
            let next = usize::from(*order.next().unwrap_or(&0)) % things.len();
            drop(things.swap_remove(next));
            ledger.assert_no_double_drop();
            // Whatever this keeps is still there.
            match things.get(next) {
                Some(Thing::Map(live)) if self.affords(live.oracle.borrow().len()) => {
                    self.check(live);
                }
                Some(Thing::Shot(shot)) if self.affords(shot.oracle.len()) => shot.check(),
                _ => {}
            }
        }
        assert_eq!(ledger.living(), 0, "objects that were never dropped");
    }

    fn things(&mut self) -> Vec<Thing<M>> {
        let maps = self.maps.drain(..).map(Thing::Map);
        let shots = self.shots.drain(..).map(Thing::Shot);
        maps.chain(shots).chain(self.loose.drain(..).map(Thing::Loose)).collect()
    }
}

/// What is dropped at the end of a world.
enum Thing<M: Playable> {
    Map(Rc<Live<M>>),
    Shot(Shot<M>),
    Loose(M::Loose),
}

/// Adds to a list that has a limit: then something else has to go.
fn push<T>(list: &mut Vec<T>, limit: usize, op: Op, new: T) {
    list.push(new);
    if list.len() > limit {
        drop(list.swap_remove(usize::from(op.key) % limit));
    }
}
