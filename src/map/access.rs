//! The operations on a live map, in terms of the pairs that its engine returns.
//!
//! The public types turn pairs into references or copies: [`Pinned`](super::Pinned), [`CopyMap`](super::CopyMap) and
//! [`CopyPinned`](super::CopyPinned).

use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::change::{ByRef, ByValue, Choice, Offer, Put, Renewal};
use super::{OccupiedError, Operation};
use crate::engine::{Content, Engine, Outcome, PART, PairOf};
use crate::hash;
use crate::reclaim::Guard;

/// What an operation needs: a map's engine and hasher, and a guard.
pub(crate) struct Access<'g, E, S> {
    pub(super) engine: &'g E,
    pub(super) hasher: &'g S,
    pub(super) guard: &'g Guard,
}

impl<E, S> Clone for Access<'_, E, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E, S> Copy for Access<'_, E, S> {}

/// An entry that was not inserted, and the present one.
type Occupied<'g, E> = OccupiedError<<E as Engine>::Key, <E as Engine>::Value, PairOf<'g, E>>;

/// The key and the value of a pair.
pub(super) fn parts<'a, 'g, E: Engine + 'g>(pair: &'a PairOf<'g, E>) -> (&'a E::Key, &'a E::Value) {
    (E::Content::pair_key(pair), E::Content::pair_value(pair))
}

impl<'g, E: Engine, S> Access<'g, E, S> {
    pub(crate) fn iter(self) -> E::Iter<'g> {
        self.engine.iter(self.guard)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

impl<'g, E: Engine, S: BuildHasher> Access<'g, E, S> {
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(self, key: &Q) -> u64 {
        hash::of(self.hasher, key)
    }
}

impl<'g, E: Engine<Key: Hash>, S: BuildHasher> Access<'g, E, S> {
    #[inline(always)]
    pub(crate) fn get<Q: Hash + Equivalent<E::Key> + ?Sized>(
        self,
        key: &Q,
    ) -> Option<PairOf<'g, E>> {
        self.get_hashed(self.hash(key), |candidate| key.equivalent(candidate))
    }

    #[inline(always)]
    fn get_hashed(self, hash: u64, eq: impl FnMut(&E::Key) -> bool) -> Option<PairOf<'g, E>> {
        self.engine.get(hash, eq, hash::of_each(self.hasher), self.guard)
    }

    /// Removes a key if the closure returns true for its entry.
    pub(super) fn remove<Q, F>(self, hash: u64, key: &Q, remove: F) -> Option<PairOf<'g, E>>
    where
        Q: Hash + Equivalent<E::Key> + ?Sized,
        F: FnMut(PairOf<'g, E>) -> bool,
    {
        let change = ByRef { hasher: self.hasher, key, remove };
        match self.engine.modify(hash, true, self.guard, change) {
            Outcome::Removed(pair) => Some(pair),
            Outcome::Kept(_) | Outcome::Put { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn remove_if<Q>(
        self,
        key: &Q,
        mut condition: impl FnMut(&E::Key, &E::Value) -> bool,
    ) -> Option<PairOf<'g, E>>
    where
        Q: Hash + Equivalent<E::Key> + ?Sized,
    {
        self.remove(self.hash(key), key, |pair| {
            let (key, value) = parts::<E>(&pair);
            condition(key, value)
        })
    }

    pub(crate) fn retain(self, keep: &mut impl FnMut(&E::Key, &E::Value) -> bool)
    where
        E::Key: Eq,
    {
        for pair in self.iter() {
            self.retain_entry(pair, keep);
        }
    }

    /// Removes an entry that an iteration has reached, unless the closure keeps it.
    fn retain_entry(self, seen: PairOf<'g, E>, keep: &mut impl FnMut(&E::Key, &E::Value) -> bool)
    where
        E::Key: Eq,
    {
        let (key, value) = parts::<E>(&seen);
        if keep(key, value) {
            return;
        }
        self.remove(self.hash(key), key, |now| {
            let (key, value) = parts::<E>(&now);
            E::Content::same_entry(&seen, &now) || !keep(key, value)
        });
    }

    /// [`Self::retain`] for a part of the entries, starting at the hash `first`. Returns the hash to continue with.
    pub(super) fn retain_part(
        self,
        first: u64,
        keep: &mut impl FnMut(&E::Key, &E::Value) -> bool,
    ) -> Option<u64>
    where
        E::Key: Eq,
    {
        let mut entries = self.engine.iter_from(first, self.guard);
        for seen in 0.. {
            if let Some(next) = E::position(&entries).filter(|_| seen >= PART) {
                return Some(next);
            }
            let pair = entries.next()?;
            if first == 0 || self.hash(E::Content::pair_key(&pair)) >= first {
                self.retain_entry(pair, keep);
            }
        }
        None
    }
}

impl<'g, E: Engine<Key: Hash + Eq>, S: BuildHasher> Access<'g, E, S> {
    /// `peek`: the closure may decide to change nothing.
    fn change<F>(self, peek: bool, offer: Offer<E::Content>, decide: F) -> Outcome<PairOf<'g, E>>
    where
        F: FnMut(&mut Offer<E::Content>, Option<PairOf<'g, E>>) -> Choice,
    {
        let change = ByValue { hasher: self.hasher, offer, decide };
        self.engine.modify(change.offer.hash(), peek, self.guard, change)
    }

    /// Inserts an entry. Returns the entry that it replaced.
    #[inline]
    pub(crate) fn insert(self, hash: u64, key: E::Key, value: E::Value) -> Option<PairOf<'g, E>> {
        let draft = Some(E::Content::draft(hash, key, value));
        let change = Put::<E::Content, S> { hasher: self.hasher, draft };
        match self.engine.modify(hash, false, self.guard, change) {
            Outcome::Put { old, .. } => old,
            Outcome::Kept(_) | Outcome::Removed(_) => None,
        }
    }

    /// Inserts an entry if its key is not in the map. Otherwise returns it, with the present one.
    pub(crate) fn try_insert(
        self,
        hash: u64,
        key: E::Key,
        value: E::Value,
    ) -> Result<PairOf<'g, E>, Occupied<'g, E>> {
        let mut unused = None;
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            if current.is_none() {
                return Choice::Put;
            }
            unused = std::mem::replace(offer, Offer::spent(hash)).into_pair();
            Choice::Keep
        };
        let offer = Offer::with_value(hash, key, value);
        match (self.change(true, offer, decide), unused) {
            (Outcome::Kept(Some(current)), Some((key, value))) => {
                Err(OccupiedError { current, key, value })
            }
            (Outcome::Put { new, .. }, _) => Ok(new),
            _ => unreachable!("an insertion that neither inserted nor found the key"),
        }
    }

    /// Inserts an entry if its key is not in the map, and drops it otherwise. Returns whether it was inserted.
    #[inline]
    pub(crate) fn insert_new(self, hash: u64, key: E::Key, value: E::Value) -> bool {
        let decide = |_: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| match current {
            Some(_) => Choice::Keep,
            None => Choice::Put,
        };
        let outcome = self.change(true, Offer::with_value(hash, key, value), decide);
        matches!(outcome, Outcome::Put { .. })
    }

    /// Inserts a key with the closure's value if it is not in the map. The error is the present entry. The closure runs
    /// at most once.
    #[inline]
    pub(crate) fn find_or_insert(
        self,
        hash: u64,
        key: E::Key,
        value: impl FnOnce() -> E::Value,
    ) -> Result<PairOf<'g, E>, PairOf<'g, E>> {
        if let Some(found) = self.get_hashed(hash, |candidate| key == *candidate) {
            return Err(found);
        }
        let mut value = Some(value);
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            if current.is_some() {
                return Choice::Keep;
            }
            if let Some(value) = value.take() {
                offer.set_value(value());
            }
            Choice::Put
        };
        match self.change(true, Offer::new(hash, key), decide) {
            Outcome::Put { new, .. } => Ok(new),
            Outcome::Kept(Some(current)) => Err(current),
            _ => unreachable!("an insertion that neither inserted nor found the key"),
        }
    }

    /// Replaces the entry of a key that is in the map by this key and the closure's value.
    pub(crate) fn update(
        self,
        hash: u64,
        key: E::Key,
        mut update: impl FnMut(PairOf<'g, E>) -> E::Value,
    ) -> Option<PairOf<'g, E>> {
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            let Some(pair) = current else { return Choice::Keep };
            offer.set_value(update(pair));
            Choice::Put
        };
        match self.change(true, Offer::new(hash, key), decide) {
            Outcome::Put { new, .. } => Some(new),
            Outcome::Kept(_) | Outcome::Removed(_) => None,
        }
    }

    /// Replaces the value of a key that is in the map, and keeps the key.
    pub(crate) fn renew<Q>(
        self,
        hash: u64,
        key: &Q,
        update: impl FnMut(E::Value) -> E::Value,
    ) -> Option<PairOf<'g, E>>
    where
        E: Engine<Key: Copy, Value: Copy>,
        Q: Hash + Equivalent<E::Key> + ?Sized,
    {
        let change = Renewal { hasher: self.hasher, hash, key, update };
        match self.engine.modify(hash, true, self.guard, change) {
            Outcome::Put { new, .. } => Some(new),
            Outcome::Kept(_) | Outcome::Removed(_) => None,
        }
    }

    /// Replaces the value of a key by the result of `update`, or inserts the result of `value`, which runs at most
    /// once. Returns the new entry.
    pub(crate) fn update_or_insert(
        self,
        hash: u64,
        key: E::Key,
        mut update: impl FnMut(PairOf<'g, E>) -> E::Value,
        value: impl FnOnce() -> E::Value,
    ) -> PairOf<'g, E> {
        let mut make = Some(value);
        // The first value, if it was made and then an update was needed instead.
        let mut first = None;
        let mut offers_first = false;
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            match current {
                Some(pair) => {
                    let before = offer.set_value(update(pair));
                    if std::mem::take(&mut offers_first) {
                        first = before;
                    }
                }
                None if offers_first => {}
                None => {
                    let value = first.take().or_else(|| make.take().map(|make| make()));
                    offers_first = value.is_some();
                    value.map(|value| offer.set_value(value));
                }
            }
            Choice::Put
        };
        match self.change(true, Offer::new(hash, key), decide) {
            Outcome::Put { new, .. } => new,
            Outcome::Kept(_) | Outcome::Removed(_) => unreachable!("always puts"),
        }
    }

    /// Inserts a key with `value`, or replaces its value by the result of `merge`.
    pub(super) fn merge(
        self,
        hash: u64,
        key: E::Key,
        value: E::Value,
        mut merge: impl FnMut(&E::Value, &E::Value) -> E::Value,
    ) {
        // The value is here or in the offer.
        let mut given = None;
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            if given.is_none() {
                given = offer.take_value();
            }
            let value = match (current, &given) {
                (Some(pair), Some(given)) => Some(merge(E::Content::pair_value(&pair), given)),
                _ => given.take(),
            };
            value.map(|value| offer.set_value(value));
            Choice::Put
        };
        self.change(true, Offer::with_value(hash, key, value), decide);
    }

    /// Adds to the value of a key in place, or inserts the key.
    pub(super) fn add(
        self,
        hash: u64,
        key: E::Key,
        value: E::Value,
        add: impl Fn(&E::Value, &E::Value),
    ) {
        if let Some(found) = self.get_hashed(hash, |candidate| key == *candidate) {
            add(E::Content::pair_value(&found), &value);
        } else if let Err(occupied) = self.try_insert(hash, key, value) {
            add(E::Content::pair_value(&occupied.current), &occupied.value);
        }
    }

    /// Carries out the closure's decision about a key. Returns what was done, or the value of an abort.
    pub(crate) fn compute<A>(
        self,
        key: E::Key,
        mut compute: impl FnMut(Option<PairOf<'g, E>>) -> Operation<E::Value, A>,
    ) -> (Outcome<PairOf<'g, E>>, Option<A>) {
        let hash = self.hash(&key);
        let mut aborted = None;
        let decide = |offer: &mut Offer<E::Content>, current: Option<PairOf<'g, E>>| {
            aborted = None;
            match compute(current) {
                Operation::Insert(value) => {
                    offer.set_value(value);
                    Choice::Put
                }
                Operation::Remove => Choice::Remove,
                Operation::Abort(with) => {
                    aborted = Some(with);
                    Choice::Keep
                }
            }
        };
        let outcome = self.change(true, Offer::new(hash, key), decide);
        (outcome, aborted)
    }
}
