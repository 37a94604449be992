//! Changes of one key, as the engine expects them: with a borrowed key or an owned one.

use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use crate::engine::{Action, Change, Content};
use crate::hash;

/// A change that only finds the key, and never inserts it.
pub(super) struct ByRef<'q, Q: ?Sized, S, F> {
    pub(super) hasher: &'q S,
    pub(super) key: &'q Q,
    /// Whether to remove the present entry.
    pub(super) remove: F,
}

impl<'g, C, Q, S, F> Change<'g, C> for ByRef<'_, Q, S, F>
where
    C: Content<Key: Hash> + 'g,
    Q: Hash + Equivalent<C::Key> + ?Sized,
    S: BuildHasher,
    F: FnMut(C::Pair<'g>) -> bool,
{
    fn is_key(&self, candidate: &C::Key, _in_draft: Option<&C::Key>) -> bool {
        self.key.equivalent(candidate)
    }

    fn rehash(&self, keys: &[&C::Key], hashes: &mut [u64]) {
        hash::of_each(self.hasher)(keys, hashes);
    }

    fn decide(
        &mut self,
        current: Option<C::Pair<'g>>,
        _spare: Option<C::Draft>,
    ) -> Action<C::Draft> {
        match current {
            Some(pair) if (self.remove)(pair) => Action::Remove,
            _ => Action::Keep,
        }
    }
}

/// A change of the value of a present key.
pub(super) struct Renewal<'q, Q: ?Sized, S, F> {
    pub(super) hasher: &'q S,
    pub(super) hash: u64,
    pub(super) key: &'q Q,
    pub(super) update: F,
}

impl<'g, C, Q, S, F> Change<'g, C> for Renewal<'_, Q, S, F>
where
    C: Content<Key: Hash + Copy, Value: Copy> + 'g,
    Q: Hash + Equivalent<C::Key> + ?Sized,
    S: BuildHasher,
    F: FnMut(C::Value) -> C::Value,
{
    fn is_key(&self, candidate: &C::Key, _in_draft: Option<&C::Key>) -> bool {
        self.key.equivalent(candidate)
    }

    fn rehash(&self, keys: &[&C::Key], hashes: &mut [u64]) {
        hash::of_each(self.hasher)(keys, hashes);
    }

    fn decide(
        &mut self,
        current: Option<C::Pair<'g>>,
        _spare: Option<C::Draft>,
    ) -> Action<C::Draft> {
        let Some(pair) = current else { return Action::Keep };
        let (key, value) = (*C::pair_key(&pair), *C::pair_value(&pair));
        Action::Put(C::draft(self.hash, key, (self.update)(value)))
    }
}

/// A change that puts an entry, whether or not the key is present.
pub(super) struct Put<'h, C: Content, S> {
    pub(super) hasher: &'h S,
    /// The engine takes it at once.
    pub(super) draft: Option<C::Draft>,
}

impl<'g, C, S> Change<'g, C> for Put<'_, C, S>
where
    C: Content<Key: Hash + Eq> + 'g,
    S: BuildHasher,
{
    fn is_key(&self, candidate: &C::Key, in_draft: Option<&C::Key>) -> bool {
        in_draft.is_some_and(|key| key == candidate)
    }

    fn rehash(&self, keys: &[&C::Key], hashes: &mut [u64]) {
        hash::of_each(self.hasher)(keys, hashes);
    }

    fn puts(&self) -> bool {
        true
    }

    fn first_draft(&mut self) -> Option<C::Draft> {
        self.draft.take()
    }

    fn decide(
        &mut self,
        _current: Option<C::Pair<'g>>,
        spare: Option<C::Draft>,
    ) -> Action<C::Draft> {
        spare.map_or(Action::Keep, Action::Put)
    }
}

/// A change that may insert the key.
pub(super) struct ByValue<'h, C: Content, S, F> {
    pub(super) hasher: &'h S,
    pub(super) offer: Offer<C>,
    pub(super) decide: F,
}

impl<'g, C, S, F> Change<'g, C> for ByValue<'_, C, S, F>
where
    C: Content<Key: Hash + Eq> + 'g,
    S: BuildHasher,
    F: FnMut(&mut Offer<C>, Option<C::Pair<'g>>) -> Choice,
{
    fn is_key(&self, candidate: &C::Key, in_draft: Option<&C::Key>) -> bool {
        // The key is either here or in the draft that the engine holds.
        self.offer.key().or(in_draft).is_some_and(|key| key == candidate)
    }

    fn rehash(&self, keys: &[&C::Key], hashes: &mut [u64]) {
        hash::of_each(self.hasher)(keys, hashes);
    }

    fn decide(
        &mut self,
        current: Option<C::Pair<'g>>,
        spare: Option<C::Draft>,
    ) -> Action<C::Draft> {
        if spare.is_some() {
            self.offer.draft = spare;
        }
        match (self.decide)(&mut self.offer, current) {
            Choice::Keep => Action::Keep,
            Choice::Remove => Action::Remove,
            Choice::Put => match self.offer.take_draft() {
                Some(draft) => Action::Put(draft),
                None => Action::Keep,
            },
        }
    }
}

/// The decision about a key. The entry to put is in the offer.
pub(super) enum Choice {
    Keep,
    Put,
    Remove,
}

/// A key that may be inserted: alone or with a value, in a draft or not.
pub(super) struct Offer<C: Content> {
    hash: u64,
    key: Option<C::Key>,
    value: Option<C::Value>,
    draft: Option<C::Draft>,
}

impl<C: Content> Offer<C> {
    pub(super) fn new(hash: u64, key: C::Key) -> Self {
        Self { hash, key: Some(key), value: None, draft: None }
    }

    pub(super) fn with_value(hash: u64, key: C::Key, value: C::Value) -> Self {
        Self { hash, key: Some(key), value: Some(value), draft: None }
    }

    /// An empty offer, after key and value have been returned.
    pub(super) fn spent(hash: u64) -> Self {
        Self { hash, key: None, value: None, draft: None }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> Option<&C::Key> {
        self.key.as_ref().or(self.draft.as_ref().map(C::draft_key))
    }

    fn take_draft(&mut self) -> Option<C::Draft> {
        match (self.key.take(), self.value.take()) {
            (Some(key), Some(value)) => Some(C::draft(self.hash, key, value)),
            (key, value) => {
                (self.key, self.value) = (key, value);
                self.draft.take()
            }
        }
    }

    /// Takes a draft apart.
    fn undraft(&mut self) {
        if let Some(draft) = self.draft.take() {
            let (key, value) = C::into_pair(draft);
            (self.key, self.value) = (Some(key), Some(value));
        }
    }

    /// Sets the value. Returns the one before.
    pub(super) fn set_value(&mut self, value: C::Value) -> Option<C::Value> {
        self.undraft();
        self.value.replace(value)
    }

    /// Takes the value out, if it is here.
    pub(super) fn take_value(&mut self) -> Option<C::Value> {
        self.undraft();
        self.value.take()
    }

    /// The key and value, if both are here.
    pub(super) fn into_pair(mut self) -> Option<(C::Key, C::Value)> {
        self.undraft();
        self.key.zip(self.value)
    }
}
