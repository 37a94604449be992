//! The entries of a table that no other thread can reach.
#![expect(unsafe_code, reason = "takes entries out of slots, and lends values mutably")]

use super::Flat;
use crate::engine::{Content, Engine};
use crate::fallout::Fallout;
use crate::store::Store;
use crate::tree::lookup;

/// Keys and values of a store.
type Pairs<St> = Vec<(<St as Content>::Key, <St as Content>::Value)>;

/// The same, with mutable references to the values.
type PairsMut<'a, St> = Vec<(&'a <St as Content>::Key, &'a mut <St as Content>::Value)>;

impl<St: Store> Flat<St> {
    /// Takes all entries out.
    pub(crate) fn into_pairs(mut self) -> Pairs<St> {
        let mut pairs = Vec::with_capacity(self.raw.count.sum());
        let guard = self.pin();
        let mut entries = self.raw.slots_from(0, &guard);
        while let Some(slot) = entries.next_slot() {
            // SAFETY:
            // - live in an owned map; each entry is in one slot, and no other thread takes it.
            pairs.push(St::into_pair(unsafe { St::retract(slot.now) }));
        }
        drop(guard);
        // SAFETY:
        // - the entries were just taken out.
        unsafe { self.raw.free_all(false, &mut Fallout::default()) };
        pairs
    }

    /// A mutable reference to the value of the key with this hash for which `eq` returns true.
    pub(crate) fn get_mut(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
    ) -> Option<&mut St::Value> {
        let guard = self.pin();
        // SAFETY:
        // - not freed: the guard keeps what is reached under it.
        let mut is_it = |slot: &_| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
        let found = self.raw.find(hash, &mut is_it, &guard);
        // SAFETY:
        // - live in a map that is borrowed exclusively for as long as the result.
        found.map(|slot| unsafe { St::pair_mut(slot).1 })
    }

    /// All entries, with mutable references to the values.
    pub(crate) fn pairs_mut(&mut self) -> PairsMut<'_, St> {
        let mut pairs = Vec::with_capacity(self.raw.count.sum());
        let guard = self.pin();
        let mut entries = self.raw.slots_from(0, &guard);
        while let Some(slot) = entries.next_slot() {
            // SAFETY:
            // - as above; each entry is in one slot, which is read only once.
            pairs.push(unsafe { St::pair_mut(slot) });
        }
        pairs
    }
}
