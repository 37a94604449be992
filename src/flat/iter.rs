//! Walking over all entries.
#![expect(unsafe_code, reason = "hands out the entries of slots")]

use std::ptr::{self, NonNull};

use super::bucket::{Chunk, Truth};
use super::line::Line;
use super::slot::{Slot, Word};
use super::store::Store;
use super::table::{Spot, Table};
use super::{Flat, Pair};
use crate::engine::{Action, Change, Engine, Outcome, PART};
use crate::prefetch;
use crate::reclaim::Guard;

/// An iterator over the entries of a map.
///
/// It passes each hash once, and reads each chunk as a whole. Of a chunk that has moved it reads
/// those of the next table that its hashes went to, and so on. So what is in the map throughout is seen:
/// it was in the slots that counted when they were read.
///
/// A key that is removed and inserted again while its chunk is read may be seen in two slots. Then the
/// first of the two had become a tombstone before the second was filled. So the slots are looked at
/// a second time, and what has become a tombstone is left out: no key comes twice. Model:
/// `an_iterator_against_removal_and_insertion_of_one_key`.
pub(crate) struct Iter<'g, S: Store> {
    /// What is left to read, the next on top: the hashes from `first` to `last`.
    todo: Vec<Stretch<'g, S>>,
    /// What is left of the chunk that was read last.
    found: Vec<Seen<'g, S>>,
    /// For the first reading of a chunk; kept for its memory.
    read: Vec<Reading<'g, S>>,
}

/// What a slot held.
struct Reading<'g, S: Store> {
    line: &'g Line<S>,
    /// The slot's place in the line.
    slot: usize,
    word: Word<S>,
    entry: NonNull<S::Entry>,
}

/// An entry that is to be yielded, and the hash of its key.
struct Seen<'g, S: Store> {
    entry: &'g S::Entry,
    hash: u64,
    slot: &'g Slot<S>,
}

struct Stretch<'g, S: Store> {
    table: &'g Table<S>,
    first: u64,
    last: u64,
}

impl<'g, S: Store> Iter<'g, S> {
    /// From this hash on.
    pub(super) fn new(root: Option<&'g Table<S>>, first: u64) -> Self {
        let todo = root.map(|table| Stretch { table, first, last: u64::MAX });
        Self { todo: todo.into_iter().collect(), found: Vec::new(), read: Vec::new() }
    }

    /// The first hash that is left, if all entries of those before it have been yielded.
    pub(super) fn position(&self) -> Option<u64> {
        self.todo.last().filter(|_| self.found.is_empty()).map(|stretch| stretch.first)
    }

    /// The key of the next entry, where it is.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(super) fn next_key(&mut self) -> Option<&'g S::Key> {
        self.next_seen().map(|seen| S::key(seen.entry))
    }

    #[inline]
    fn next_seen(&mut self) -> Option<Seen<'g, S>> {
        loop {
            if let Some(seen) = self.found.pop() {
                return Some(seen);
            }
            self.read_on()?;
        }
    }

    /// Reads the next chunk, or leaves out a segment that is not there, or goes to the next table.
    fn read_on(&mut self) -> Option<()> {
        let Stretch { table, first, last } = self.todo.pop()?;
        let shape = table.shape;
        let spot = table.spot(shape.chunk_of(first));
        let end = match spot {
            Spot::Here(_) => shape.chunk_end(first),
            Spot::Absent | Spot::Moved => shape.segment_end(first),
        };
        let end = end.min(last);
        if end < last {
            self.todo.push(Stretch { table, first: end + 1, last });
        }
        let read = match spot {
            Spot::Absent => true,
            Spot::Moved => false,
            Spot::Here(chunk) => {
                // A chunk of a table that was halved has more than what is asked for.
                let whole = (first, end) == (shape.chunk_start(first), shape.chunk_end(first));
                self.read_chunk(chunk, |hash| whole || (first..=end).contains(&hash))
            }
        };
        if !read {
            self.todo.push(Stretch { table: table.moved_to(), first, last: end });
        }
        Some(())
    }

    /// Reads a chunk. Returns false if it has moved.
    fn read_chunk(&mut self, chunk: Chunk<'g, S>, wanted: impl Fn(u64) -> bool) -> bool {
        let mut lines = chunk.own();
        loop {
            let mut frozen = false;
            self.read.clear();
            for line in lines.all() {
                for (slot, word) in line.slots().each_ref().map(Slot::load).into_iter().enumerate()
                {
                    frozen |= word.is_frozen();
                    if let Some(entry) = line.entry(slot, word) {
                        prefetch::read(entry.as_ptr());
                        self.read.push(Reading { line, slot, word, entry });
                    }
                }
            }
            if !frozen {
                break;
            }
            // Frozen slots may be out of date.
            match chunk.truth() {
                Truth::Moved => return false,
                Truth::Here(trusted) if trusted.lines().is(lines) => break,
                Truth::Here(trusted) => lines = trusted.lines(),
            }
        }
        for &Reading { line, slot, word, entry } in &self.read {
            let place = &line.slots()[slot];
            if place.load().is_tombstone() {
                continue;
            }
            // SAFETY:
            // - if the slot was not frozen, the entry was in the map when it was read, under the
            //   guard that the chunk was reached under, and that guard keeps it for `'g`.
            // - if it was, the chunk's head named these slots afterwards, under that guard: they are
            //   what `Trusted` says.
            let (entry, hash) = unsafe { (entry.as_ref(), S::hash(word, entry)) };
            if wanted(hash) {
                // What is seen here is seen by everybody from now on.
                line.help_tag(slot, line.tags(), hash);
                self.found.push(Seen { entry, hash, slot: place });
            }
        }
        true
    }
}

impl<'g, S: Store + 'g> Iterator for Iter<'g, S> {
    type Item = Pair<'g, S>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.next_seen().map(|seen| S::pair(seen.entry))
    }
}

/// [`Iter`] for threads that share one guard.
///
/// A guard keeps what was reachable since it was made, whoever reads it; it is lent for `'g`, so the
/// thread that it belongs to keeps it until all of them are done.
#[cfg(feature = "rayon")]
pub(crate) struct SharedIter<'g, S: Store>(Iter<'g, S>);

// SAFETY:
// - Send: it holds shared references to tables and entries, which are made of atomics, keys and
//   values (`Sync`), and plain memory. They stay allocated for `'g`: the guard that is borrowed for
//   that long was made before any of them was read, and handing this over orders it so for the
//   other thread too.
#[cfg(feature = "rayon")]
unsafe impl<S: Store<Key: Send + Sync, Value: Send + Sync>> Send for SharedIter<'_, S> {}

#[cfg(feature = "rayon")]
impl<S: Store> SharedIter<'_, S> {
    /// Gives away about half of the hashes that this has yet to pass; none if they are one chunk.
    pub(crate) fn split(&mut self) -> Option<Self> {
        // The lowest stretch is the last, and the largest unless little is left.
        let lowest = self.0.todo.first_mut()?;
        let middle = lowest.first + (lowest.last - lowest.first) / 2;
        let end = lowest.table.shape.chunk_end(middle);
        if end >= lowest.last {
            return None;
        }
        let given = Stretch { table: lowest.table, first: end + 1, last: lowest.last };
        lowest.last = end;
        Some(Self(Iter { todo: vec![given], found: Vec::new(), read: Vec::new() }))
    }
}

#[cfg(feature = "rayon")]
impl<'g, S: Store + 'g> Iterator for SharedIter<'g, S> {
    type Item = Pair<'g, S>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[cfg(feature = "rayon")]
impl<S: Store> Flat<S> {
    pub(crate) fn shared_iter<'g>(&'g self, guard: &'g Guard) -> SharedIter<'g, S> {
        SharedIter(Iter::new(self.root(guard), 0))
    }
}

/// Removes one entry, if its key still has it.
struct ThisOne<K>(*const K);

impl<'g, S: Store + 'g> Change<'g, S> for ThisOne<S::Key> {
    fn is_key(&self, candidate: &S::Key, _in_draft: Option<&S::Key>) -> bool {
        ptr::eq(candidate, self.0)
    }

    fn decide(
        &mut self,
        current: Option<Pair<'g, S>>,
        _spare: Option<S::Draft>,
    ) -> Action<S::Draft> {
        if current.is_some() { Action::Remove } else { Action::Keep }
    }
}

impl<S: Store> Flat<S> {
    /// Removes every entry that is in the map throughout. Holds guards for a part of them each.
    pub(super) fn remove_all(&self) {
        // Where a move makes copies, an entry that was seen may be somewhere else when it is to be removed. Only then
        // it is tried again, so that a thread that goes on replacing entries does not keep this one busy.
        while self.remove_seen() && !S::STAYS {}
    }

    /// Removes every entry that an iteration finds, where it was seen. Returns whether some may have been copied
    /// before that.
    fn remove_seen(&self) -> bool {
        let (mut copied, mut next) = (false, Some(0));
        while let Some(first) = next {
            next = self.remove_part(first, &self.pin(), &mut copied);
        }
        copied
    }

    /// [`Self::remove_seen`] for a part of the entries. Returns the hash to go on with.
    fn remove_part(&self, first: u64, guard: &Guard, copied: &mut bool) -> Option<u64> {
        let mut iter = Iter::new(self.root(guard), first);
        for seen in 0.. {
            if let Some(next) = iter.position().filter(|_| seen >= PART) {
                return Some(next);
            }
            let Seen { entry, hash, slot } = iter.next_seen()?;
            let outcome = self.upsert(hash, false, guard, ThisOne(S::key(entry)));
            // If it is not there, and its slot is not frozen, another thread replaced or removed it there.
            *copied |= !matches!(outcome, Outcome::Removed(_)) && slot.load().is_frozen();
        }
        None
    }
}
