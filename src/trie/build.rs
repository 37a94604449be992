//! Building a trie from all its entries at once.
//!
//! No other thread can reach the trie yet. So nothing is claimed, published or retired, and each leaf is made at its
//! final size.
#![expect(unsafe_code, reason = "moves trees between owners")]

use super::Trie;
use super::raw::RawTrie;
use super::reclaimer::Entries;
use super::root::Count;
use crate::engine::{Builder, Division, Engine, HashedOf};
use crate::leaf::FAN_WIDTH;
use crate::reclaim::Collector;
use crate::store::Store;
use crate::tree::node::{FAN_BITS, Fan, Indirection, Word};
use crate::tree::{build, movers};

/// The generation of a trie that is built as a whole.
const FIRST: u64 = 1;

impl<St: Store> Trie<St> {
    pub(super) const BUILD: Builder<Self> = Builder { part: Self::part, join: Self::join };

    /// A trie of these entries. Its top belongs below the fans that consume the bits of the division.
    fn part(collector: Collector, entries: HashedOf<Self>, division: Division) -> Self {
        debug_assert!(division.bits % FAN_BITS == 0);
        let mut movers = movers::<St>(entries, FIRST);
        Self::built(collector, build(FIRST, &mut movers, division.bits), movers.len())
    }

    /// The whole trie, joined from one part for each value of the first bits.
    fn join(collector: Collector, mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let count = parts.iter().map(|part| part.len(&part.pin())).sum();
        let mut words: Vec<Word<'_, St::Slot>> = parts.into_iter().map(Self::into_tree).collect();
        while words.len() > 1 {
            let fan_of = |words: &[Word<'_, St::Slot>]| {
                let mut fan = [Word::EMPTY; FAN_WIDTH];
                fan[..words.len()].copy_from_slice(words);
                let is_empty = words.iter().all(|word| word.is_empty());
                if is_empty { Word::EMPTY } else { Fan::allocate(FIRST, fan) }
            };
            words = words.chunks(FAN_WIDTH).map(fan_of).collect();
        }
        Self::built(collector, words.pop().unwrap_or(Word::EMPTY), count)
    }

    fn built(collector: Collector, top: Word<'_, St::Slot>, entries: usize) -> Self {
        if top.is_empty() {
            return Self::new(collector);
        }
        let domain = RawTrie::new(collector.clone(), Entries::of::<St>()).new_domain();
        let count = Count::begun_with(entries);
        // SAFETY:
        // - made of entries of this store.
        unsafe { Self::of(RawTrie::with_root(domain, FIRST, top.erased(), collector, count)) }
    }

    /// The tree of a trie that was just built.
    fn into_tree<'n>(mut self) -> Word<'n, St::Slot> {
        // SAFETY:
        // - null or from a box, and owned by this value.
        let Some(root) = (unsafe { self.raw.root.get_mut().as_mut() }) else { return Word::EMPTY };
        let mut top = std::mem::replace(&mut root.top, Indirection::new(Word::EMPTY));
        // SAFETY:
        // - the caller owns the tree now: this trie is dropped without it.
        unsafe { top.get_mut().detach().attach().typed() }
    }
}
