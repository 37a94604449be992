//! Reading: the search through slots, and looking up.
#![expect(unsafe_code, reason = "looks at the entries of slots")]

use std::ops::ControlFlow;
use std::ptr::NonNull;

use super::bucket::{Live, Trusted, Truth};
use super::line::{LINE_SLOTS, Line};
use super::slot::{Slot, Word, same_hash};
use super::store::Store;
use super::table::{Spot, Table};
use super::{Flat, Pair};
use crate::engine::BATCH;
use crate::prefetch;
use crate::reclaim::Guard;
use crate::sync::{planted, stall_point};

/// Of the hashes whose lookups need two tables, the lookups of one in so many help to move.
const HELPED_BY: u64 = 16;

/// The lines of a chunk or of a bucket.
///
/// INVARIANT: their number is a power of two; they were reached under a guard that lives as long as
/// `'g`, or nobody changes the map for `'g`.
pub(super) struct Lines<'g, S: Store> {
    lines: &'g [Line<S>],
    home_shift: u32,
}

impl<S: Store> Clone for Lines<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Store> Copy for Lines<'_, S> {}

/// What a search ended with.
pub(super) enum Find<'g, S: Store> {
    Hit(Hit<'g, S>),
    /// The first empty slot: the key is not here, and belongs there.
    Vacant(Vacant<'g, S>),
    /// The key is not here, and there is no room for it.
    Full,
    /// A frozen slot: the chunk's head says what it is worth.
    Frozen,
}

/// A key's slot.
pub(super) struct Hit<'g, S: Store> {
    line: &'g Line<S>,
    index: usize,
    pub(super) word: Word<S>,
    pub(super) entry: &'g S::Entry,
}

impl<'g, S: Store> Hit<'g, S> {
    /// Puts an entry in the place of the one that was hit; gives it back if that is not there any more.
    #[inline]
    pub(super) fn replace(&self, draft: S::Draft) -> Result<&'g S::Entry, S::Draft> {
        publish(self.line, self.index, self.word, S::expose(draft))
    }

    /// Takes the entry that was hit out of its slot. Fails if that is not there any more.
    #[inline]
    pub(super) fn remove(&self) -> bool {
        self.line.slots()[self.index].replace(self.word, Word::TOMBSTONE).is_ok()
    }
}

/// An empty slot.
pub(super) struct Vacant<'g, S: Store> {
    lines: Lines<'g, S>,
    line: &'g Line<S>,
    index: usize,
}

impl<'g, S: Store> Vacant<'g, S> {
    /// Puts an entry, of a key with this hash, into the slot; gives it back if that is not empty any more.
    #[inline]
    pub(super) fn fill(&self, hash: u64, draft: S::Draft) -> Result<&'g S::Entry, S::Draft> {
        let Self { lines, line, index } = *self;
        let mark = || lines.way_to(line, hash).for_each(|passed| passed.pass(hash));
        let late = planted("late_mark");
        if !late {
            mark();
        }
        let filled = publish(line, index, Word::EMPTY, S::settle(draft, line.cells(), index));
        if late {
            mark();
        }
        filled
    }

    /// Lets everybody see the entry, of a key with this hash, that the slot was filled with.
    pub(super) fn set_tag(&self, hash: u64) {
        self.line.set_tag(self.index, hash);
    }
}

/// Puts `new`, a word that the store made for this slot and nobody has seen, in the place of `old`.
#[inline]
fn publish<S: Store>(
    line: &Line<S>,
    index: usize,
    old: Word<S>,
    new: Word<S>,
) -> Result<&S::Entry, S::Draft> {
    stall_point("unpublished entry");
    if line.slots()[index].replace(old, new).is_err() {
        // SAFETY:
        // - made for this slot, and not published.
        return Err(unsafe { S::retract(new, line.cells(), index) });
    }
    // PANICS: never: what the store makes of a draft is a live word.
    let entry = line.entry(index, new).expect("an entry");
    // SAFETY:
    // - it was published under the guard that the line was reached under, so that guard keeps it as long as
    //   the line, even if it is removed at once.
    Ok(unsafe { entry.as_ref() })
}

/// What a lookup found in one line.
enum Look<'g, S: Store> {
    Hit(&'g S::Entry),
    /// The key is not here, nor in a line behind this one.
    Miss,
    /// The tags of all slots are set, the key is not among them, and may have passed.
    Full,
    /// The line is frozen, and that matters.
    Frozen,
}

impl<S: Store> Line<S> {
    /// Looks for a key. Does not write, and reads the slots whose tag is right.
    ///
    /// # Safety
    /// - The line was reached under a guard that lives as long as `'g`.
    /// - `TRUSTED`: it belongs to [`Trusted`] slots.
    #[inline(always)]
    unsafe fn look<'g, const TRUSTED: bool>(
        &'g self,
        hash: u64,
        eq: &mut impl FnMut(&S::Key) -> bool,
    ) -> Look<'g, S> {
        let tags = self.tags();
        let found = tags.find(hash, |slot| {
            let word = self.slots()[slot].load();
            if !TRUSTED && word.is_frozen() {
                return ControlFlow::Break(Look::Frozen);
            }
            let Some(entry) = self.entry(slot, word) else { return ControlFlow::Continue(()) };
            // SAFETY:
            // - a live entry whose slot is not frozen was in the map when the slot was read, under
            //   the guard; it is retired after that, so the guard keeps it for `'g`.
            // - if the slot is frozen, the slots are trusted, by the contract: see there.
            let entry = unsafe { entry.as_ref() };
            // Not by the hash: it may be on another cache line, and the tag was right.
            if eq(S::key(entry)) {
                return ControlFlow::Break(Look::Hit(entry));
            }
            ControlFlow::Continue(())
        });
        match found {
            Some(look) => look,
            None if !TRUSTED && tags.is_frozen() => Look::Frozen,
            None if tags.may_be_passed(hash) => Look::Full,
            None => Look::Miss,
        }
    }
}

impl<'g, S: Store> Lines<'g, S> {
    /// The lines, of which a search for a hash begins at the one that its bits from `home_shift + 1` on
    /// tell.
    ///
    /// # Safety
    /// - What the type's invariant says.
    #[inline]
    pub(super) unsafe fn new(lines: &'g [Line<S>], home_shift: u32) -> Self {
        Self { lines, home_shift }
    }

    #[inline]
    pub(super) fn all(self) -> &'g [Line<S>] {
        self.lines
    }

    /// All slots.
    pub(super) fn slots(self) -> impl Iterator<Item = &'g Slot<S>> {
        self.lines.iter().flat_map(Line::slots)
    }

    /// Number of slots.
    pub(super) fn len(self) -> usize {
        self.lines.len() * LINE_SLOTS
    }

    /// Whether these are the same lines.
    #[inline]
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.lines, other.lines)
    }

    /// The place of the line at which the search for a hash begins.
    #[inline]
    pub(super) fn home(self, hash: u64) -> usize {
        home(hash, self.home_shift, self.lines.len())
    }

    /// All lines, in the order of a search for a hash.
    #[inline]
    pub(super) fn way(self, hash: u64) -> impl Iterator<Item = &'g Line<S>> {
        let (home, mask) = (self.home(hash), self.lines.len() - 1);
        (0..self.lines.len()).map(move |step| {
            let at = (home + step) & mask;
            // SAFETY:
            // - in bounds: masked with one less than the number of lines, which is a power of two.
            unsafe { self.lines.get_unchecked(at) }
        })
    }

    /// The lines that a search for a hash passes before it comes to this one.
    #[inline]
    pub(super) fn way_to(self, line: &Line<S>, hash: u64) -> impl Iterator<Item = &'g Line<S>> {
        self.way(hash).take_while(move |passed| !std::ptr::eq(*passed, line))
    }

    /// Searches for a key, or for the place where it belongs, and gives up if the slot that would
    /// decide is frozen.
    ///
    /// An entry goes into the first empty slot of its way, and a slot that is not empty never is
    /// again. So a key that is here is on its way before the first empty slot, and it is in one slot
    /// only: two threads that insert it meet at the same empty slot.
    ///
    /// Slots that are neither the key's nor empty are passed over, frozen or not: a frozen one has what
    /// it had, and as long as one slot of the chunk is not frozen, as the one that decides, all of the
    /// chunk's entries are in its slots.
    #[inline]
    pub(super) fn find(self, hash: u64, mut eq: impl FnMut(&S::Key) -> bool) -> Find<'g, S> {
        for line in self.way(hash) {
            S::prefetch(line.cells());
            let tags = line.tags();
            // SAFETY:
            // - the slot is not frozen, wherever this is called: as in `Line::look`.
            let mut try_slot = |index: usize, word, entry: NonNull<S::Entry>| unsafe {
                let is_it = same_hash(S::hash(word, entry), hash) && eq(S::key(entry.as_ref()));
                is_it.then_some(Find::Hit(Hit { line, index, word, entry: entry.as_ref() }))
            };
            let found = tags.find(hash, |index| {
                let word = line.slots()[index].load();
                if word.is_frozen() {
                    return ControlFlow::Break(Find::Frozen);
                }
                let hit = line.entry(index, word).and_then(|entry| try_slot(index, word, entry));
                hit.map_or(ControlFlow::Continue(()), ControlFlow::Break)
            });
            if let Some(found) = found {
                return found;
            }
            // From here on tags may be missing of slots that are filled, by changes that are not done.
            for index in tags.first_missing()..LINE_SLOTS {
                let word = line.slots()[index].load();
                if word.is_empty() {
                    return if word.is_frozen() {
                        Find::Frozen
                    } else {
                        Find::Vacant(Vacant { lines: self, line, index })
                    };
                }
                let Some(entry) = line.entry(index, word) else { continue };
                if word.is_frozen() {
                    // Its entry may have been freed, if the chunk has moved.
                    return Find::Frozen;
                }
                // SAFETY:
                // - as above.
                line.help_tag(index, tags, unsafe { S::hash(word, entry) });
                if let Some(hit) = try_slot(index, word, entry) {
                    return hit;
                }
            }
        }
        // Then it is all of them that decide, at this moment: as long as one line is not frozen to its end,
        // all of the chunk's entries are in its slots.
        let frozen = self.lines.iter().any(|line| line.tags().is_frozen());
        if frozen { Find::Frozen } else { Find::Full }
    }
}

/// The place, among so many lines, that a hash tells by its bits from `shift + 1` on.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
pub(super) fn home(hash: u64, shift: u32, lines: usize) -> usize {
    // Two shifts, for one by 64 is not allowed.
    (hash >> 1 >> shift) as usize & (lines - 1)
}

impl<'g, S: Store> Trusted<'g, S> {
    /// Looks for a key in frozen slots too.
    pub(super) fn find(
        self,
        hash: u64,
        mut eq: impl FnMut(&S::Key) -> bool,
    ) -> Option<&'g S::Entry> {
        for line in self.lines().way(hash) {
            // SAFETY:
            // - these are trusted slots, reached under a guard for `'g`.
            match unsafe { line.look::<true>(hash, &mut eq) } {
                Look::Hit(entry) => return Some(entry),
                Look::Miss => return None,
                Look::Full | Look::Frozen => {}
            }
        }
        None
    }

    /// Freezes all slots, and adds what lives in them to `into`, in their order.
    pub(super) fn freeze(self, into: &mut Vec<Live<S>>) {
        let first = into.len();
        for line in self.lines().all() {
            line.freeze(|word, entry| {
                // All entries on their way from memory at once.
                prefetch::read(entry.as_ptr());
                into.push(Live { hash: 0, word, entry });
            });
        }
        for live in &mut into[first..] {
            // SAFETY:
            // - trusted slots.
            live.hash = unsafe { S::hash(live.word, live.entry) };
        }
    }
}

impl<S: Store> Flat<S> {
    /// The entry with this hash for which `eq` holds. Writes nothing, unless it `HELPS` a move.
    ///
    /// LINEARIZES get, contains_key. A hit: the reading of the slot, if that was not frozen; if it
    /// was, the chunk's head named these slots when the search of them began, and the entry was in the
    /// map at that moment or, if it came later, when it came. (It had come: its tag was set.)
    ///
    /// A miss: a moment during the search at which the key was absent; there is one. For say it was in
    /// the map all the while. When the search of the slots that decided began, these were where the
    /// key's entry was (the line that decided was not frozen when its tags were read, or the head named
    /// them), its tag was set, and so were those of all slots before it, and its mark in all lines before its
    /// own. There it stayed, or another one took its place there, and if the slot was frozen it stays there for
    /// ever. The search went on to the first line in which a tag or the mark was missing, so it read the tag
    /// and the slot, and found it. (No map, no segment: the reading of the null pointer.) Models: the random
    /// programs in `tests/models_flat.rs`, `an_insertion_past_an_unfinished_one_is_seen`, and
    /// `what_a_change_found_behind_a_full_line_a_lookup_finds`.
    #[inline(always)]
    pub(super) fn lookup<'g, const HELPS: bool>(
        &'g self,
        hash: u64,
        mut eq: impl FnMut(&S::Key) -> bool,
        guard: &'g Guard,
    ) -> Option<Pair<'g, S>> {
        let table = self.root(guard)?;
        if let Some(line) = table.home_line(hash) {
            S::prefetch(line.cells());
            // SAFETY:
            // - reached under the guard.
            match unsafe { line.look::<false>(hash, &mut eq) } {
                Look::Hit(entry) => return Some(S::pair(entry)),
                Look::Miss => return None,
                Look::Full | Look::Frozen => {}
            }
        }
        self.lookup_further::<HELPS>(table, hash, &mut eq, guard).map(S::pair)
    }

    /// Asks for the lines of all these hashes and for what an insertion would write to, and then for the
    /// entries whose tags are right.
    pub(super) fn prefetch_many(&self, hashes: &[u64], guard: &Guard) {
        let Some(table) = self.root(guard) else { return };
        candidates(table, hashes, |line| S::prefetch(line.cells()), |_, _| {});
    }

    /// [`Self::lookup`] for each of these hashes, with their cache misses side by side: `eq` is told its index.
    ///
    /// What a look at the home line comes to, before a key is compared, is what `lookup` would compare first:
    /// where it is the key's, or there is none, the lookup took effect as said there. An entry's key never
    /// changes, and the guard keeps it. In all other cases it is `lookup` that looks the key up.
    pub(super) fn lookup_many<'g>(
        &'g self,
        hashes: &[u64],
        mut eq: impl FnMut(usize, &S::Key) -> bool,
        guard: &'g Guard,
        found: &mut [Option<Pair<'g, S>>],
    ) {
        let Some(table) = self.root(guard) else { return found.fill(None) };
        let mut looks = [const { Look::Full }; BATCH];
        candidates(table, hashes, |_| {}, |index, look| looks[index] = look);
        for (index, (look, &hash)) in looks.iter().zip(hashes).enumerate() {
            found[index] = match look {
                Look::Hit(entry) if eq(index, S::key(entry)) => Some(S::pair(entry)),
                Look::Miss => None,
                Look::Hit(_) | Look::Full | Look::Frozen => {
                    self.lookup::<true>(hash, |key| eq(index, key), guard)
                }
            };
        }
    }

    /// Looks up beyond the home line: where that is full or frozen, or its segment not there.
    ///
    /// Where the entries have moved, the lookups of one hash in [`HELPED_BY`] move a unit. So a move comes to its end
    /// even if nothing is written any more, and lookups need no second table.
    #[inline(never)]
    fn lookup_further<'g, const HELPS: bool>(
        &'g self,
        mut table: &'g Table<S>,
        hash: u64,
        eq: &mut impl FnMut(&S::Key) -> bool,
        guard: &'g Guard,
    ) -> Option<&'g S::Entry> {
        loop {
            match table.spot(table.shape.chunk_of(hash)) {
                Spot::Absent => return None,
                Spot::Moved => {}
                Spot::Here(chunk) => {
                    if let Truth::Here(trusted) = chunk.truth() {
                        return trusted.find(hash, &mut *eq);
                    }
                }
            }
            // Neither the bits of a chunk nor those of a tag.
            if HELPS && (hash >> 32) % HELPED_BY == 0 {
                self.go_on_moving(1, guard);
            }
            table = table.moved_to();
        }
    }
}

/// Tells what [`Line::look`] comes to in the home line of each hash, if every key were the right one. The lines
/// are asked for before any is read, with what `besides` asks for, and then the entries.
#[inline(always)]
fn candidates<'g, S: Store>(
    table: &'g Table<S>,
    hashes: &[u64],
    besides: impl Fn(&Line<S>),
    mut found: impl FnMut(usize, Look<'g, S>),
) {
    debug_assert!(hashes.len() <= BATCH);
    let mut lines = [None; BATCH];
    for (line, &hash) in lines.iter_mut().zip(hashes) {
        *line = table.home_line(hash);
        if let Some(line) = *line {
            prefetch::read(line);
            besides(line);
        }
    }
    for (index, (&line, &hash)) in lines.iter().zip(hashes).enumerate() {
        let look = match line {
            // SAFETY:
            // - the table was reached under a guard for `'g`.
            Some(line) => unsafe { line.look::<false>(hash, &mut |_| true) },
            None => Look::Frozen,
        };
        if let Look::Hit(entry) = look {
            prefetch::read(entry);
        }
        found(index, look);
    }
}
