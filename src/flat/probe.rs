//! Reading: the search through slots, and looking up.
#![expect(unsafe_code, reason = "looks at the entries of slots")]

use super::bucket::{Live, Trusted, Truth, home};
use super::entry::Entry;
use super::slot::{Slot, Word};
use super::table::{Spot, Table};
use super::{Flat, Pair};
use crate::prefetch;
use crate::reclaim::Guard;
use crate::sync::stall_point;

/// The slots of a chunk or of a bucket.
///
/// INVARIANT: their number is a power of two; they were reached under a guard that lives as long as
/// `'g`, or nobody changes the map for `'g`.
pub(super) struct Slots<'g, K, V>(&'g [Slot<K, V>]);

impl<K, V> Clone for Slots<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V> Copy for Slots<'_, K, V> {}

/// What a search ended with.
pub(super) enum Find<'g, K, V> {
    Hit(Hit<'g, K, V>),
    /// The first empty slot: the key is not here, and belongs there.
    Vacant(&'g Slot<K, V>),
    /// The key is not here, and there is no room for it.
    Full,
    /// A frozen slot: the chunk's head says what it is worth.
    Frozen,
}

/// A key's slot.
pub(super) struct Hit<'g, K, V> {
    pub(super) slot: &'g Slot<K, V>,
    pub(super) word: Word<K, V>,
    pub(super) entry: &'g Entry<K, V>,
}

impl<'g, K, V> Slots<'g, K, V> {
    /// # Safety
    /// - What the type's invariant says.
    #[inline]
    pub(super) unsafe fn new(slots: &'g [Slot<K, V>]) -> Self {
        Self(slots)
    }

    #[inline]
    pub(super) fn all(self) -> &'g [Slot<K, V>] {
        self.0
    }

    /// Whether these are the same slots.
    #[inline]
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    #[inline]
    pub(super) fn prefetch(self, hash: u64) {
        prefetch::read(&raw const self.0[home(hash, self.0.len())]);
    }

    /// Asks for the entry of the first slot on the hash's way that may be its own.
    fn prefetch_entry(self, hash: u64) {
        let mask = self.0.len() - 1;
        let home = home(hash, self.0.len());
        let way = (0..self.0.len()).map(|step| self.0[(home + step) & mask].load());
        let own = way.take_while(|word| !word.is_empty()).find(|word| word.may_be(hash));
        if let Some(word) = own {
            prefetch::read(word.address());
        }
    }

    /// Searches for a key, and gives up if the slot that would decide is frozen.
    #[inline]
    pub(super) fn find(self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Find<'g, K, V> {
        // SAFETY:
        // - the entries of frozen slots are not looked at.
        match unsafe { self.walk::<false>(hash, &mut eq) } {
            // Then it is all of them that decide.
            Find::Full if self.0.iter().any(|slot| slot.load().is_frozen()) => Find::Frozen,
            found => found,
        }
    }

    /// Goes from slot to slot, from the home slot round to it.
    ///
    /// An entry goes into the first empty slot of its way, and a slot that is not empty never is
    /// again. So a key that is here is on its way before the first empty slot, and it is in one slot
    /// only: two threads that insert it meet at the same empty slot.
    ///
    /// Slots that are neither the key's nor empty are passed over, frozen or not: a frozen one has what
    /// it had, and as long as one slot of the chunk is not frozen, as the one that decides, all of the
    /// chunk's entries are in its slots.
    ///
    /// (Looking at a whole line at once, without a branch for each slot, took twice as long in a map of a
    /// million entries, 215 ns a hit and not 110: so many more instructions that the processor no longer
    /// reached the next lookup while it waited for this one's line.)
    ///
    /// # Safety
    /// - `TRUSTED`: the slots are [`Trusted`].
    #[inline(always)]
    unsafe fn walk<const TRUSTED: bool>(
        self,
        hash: u64,
        eq: &mut impl FnMut(&K) -> bool,
    ) -> Find<'g, K, V> {
        let slots = self.0;
        let home = home(hash, slots.len());
        let mut at = home;
        loop {
            // SAFETY:
            // - in bounds: both places that set `at` mask it with one less than the number of slots,
            //   which is a power of two.
            let slot = unsafe { slots.get_unchecked(at) };
            let word = slot.load();
            if word.may_be(hash) {
                if !TRUSTED && word.is_frozen() {
                    return Find::Frozen;
                }
                if let Some(entry) = word.entry() {
                    // SAFETY:
                    // - a live entry whose slot is not frozen was in the map when the slot was read,
                    //   under the guard; it is retired after that, so the guard keeps it for `'g`.
                    // - if the slot is frozen, the slots are trusted, by the contract: see there.
                    let entry = unsafe { entry.as_ref() };
                    if entry.hash == hash && eq(&entry.key) {
                        return Find::Hit(Hit { slot, word, entry });
                    }
                }
            } else if word.is_empty() {
                return if !TRUSTED && word.is_frozen() {
                    Find::Frozen
                } else {
                    Find::Vacant(slot)
                };
            }
            at = (at + 1) & (slots.len() - 1);
            if at == home {
                return Find::Full;
            }
        }
    }
}

impl<'g, K, V> Trusted<'g, K, V> {
    /// Searches for a key in frozen slots too.
    pub(super) fn find(self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Option<&'g Entry<K, V>> {
        // SAFETY:
        // - these are trusted slots.
        match unsafe { self.slots().walk::<true>(hash, &mut eq) } {
            Find::Hit(hit) => Some(hit.entry),
            Find::Vacant(_) | Find::Full | Find::Frozen => None,
        }
    }

    /// Freezes all slots, and adds what lives in them to `into`, in their order.
    pub(super) fn freeze(self, into: &mut Vec<Live<K, V>>) {
        let first = into.len();
        for slot in self.slots().all() {
            let word = slot.freeze();
            stall_point("half-frozen chunk");
            if word.entry().is_some() {
                // All entries on their way from memory at once.
                prefetch::read(word.address());
                into.push(Live { hash: 0, word: word.thawed() });
            }
        }
        for live in &mut into[first..] {
            if let Some(entry) = live.word.entry() {
                // SAFETY:
                // - trusted slots.
                live.hash = unsafe { entry.as_ref() }.hash;
            }
        }
    }
}

impl<K, V> Flat<K, V> {
    /// The entry with this hash for which `eq` holds. Writes nothing.
    ///
    /// LINEARIZES get, contains_key. A hit: the reading of the slot, if that was not frozen; if it
    /// was, the chunk's head named these slots when the search of them began, and the entry was in the
    /// map at that moment or, if it came later, when it came.
    ///
    /// A miss: a moment during the search at which the key was absent; there is one. For say it was in
    /// the map all the while. When the search of the slots that decided began, these were where the
    /// key's entry was (the one that decided was not frozen when it was read, or the head named them), in a
    /// slot before the first empty one. There it stayed, or another one took its place there, and if the slot was
    /// frozen it stays there for ever. The search read all slots before one that was empty, so it read
    /// this one, and found it. (No map, no segment: the reading of the null pointer.) Model: the random
    /// programs in `tests/models_flat.rs`.
    #[inline]
    pub(super) fn lookup<'g>(
        &'g self,
        hash: u64,
        mut eq: impl FnMut(&K) -> bool,
        guard: &'g Guard,
    ) -> Option<Pair<'g, K, V>> {
        let table = self.root(guard)?;
        if let Spot::Here(chunk) = table.spot(table.shape.chunk_of(hash)) {
            match chunk.own().find(hash, &mut eq) {
                Find::Hit(hit) => return Some(hit.entry.pair()),
                Find::Vacant(_) | Find::Full => return None,
                Find::Frozen => {}
            }
        }
        Self::lookup_further(table, hash, &mut eq).map(Entry::pair)
    }

    /// Asks for the slots of all these hashes, and then for the entries whose fingerprints are right.
    pub(super) fn prefetch_many(&self, hashes: &[u64], guard: &Guard) {
        let Some(table) = self.root(guard) else { return };
        let own = |hash| match table.spot(table.shape.chunk_of(hash)) {
            Spot::Here(chunk) => Some(chunk.own()),
            Spot::Absent | Spot::Moved => None,
        };
        for &hash in hashes {
            if let Some(slots) = own(hash) {
                slots.prefetch(hash);
            }
        }
        for &hash in hashes {
            if let Some(slots) = own(hash) {
                slots.prefetch_entry(hash);
            }
        }
    }

    /// Looks up where the chunk is frozen, or the segment not there.
    #[cold]
    fn lookup_further<'g>(
        mut table: &'g Table<K, V>,
        hash: u64,
        eq: &mut impl FnMut(&K) -> bool,
    ) -> Option<&'g Entry<K, V>> {
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
            table = table.moved_to();
        }
    }
}
