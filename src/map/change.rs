//! Changes of one key, as the engine takes them: by a borrowed key or by an owned one.

use std::hash::Hash;

use equivalent::Equivalent;

use crate::entry::{Boxed, Store};
use crate::trie::{Action, Change};

pub(super) type Draft<K, V> = <Boxed<K, V> as Store>::Draft;

/// A change that only needs to find the key, and never inserts.
pub(super) struct ByRef<'q, Q: ?Sized, F> {
    pub(super) key: &'q Q,
    /// Whether to remove the entry that is there.
    pub(super) remove: F,
}

impl<'g, K, V, Q, F> Change<'g, Boxed<K, V>> for ByRef<'_, Q, F>
where
    K: 'g,
    V: 'g,
    Q: Hash + Equivalent<K> + ?Sized,
    F: FnMut(&'g K, &'g V) -> bool,
{
    fn is_key(&self, candidate: &K, _in_draft: Option<&K>) -> bool {
        self.key.equivalent(candidate)
    }

    fn decide(
        &mut self,
        current: Option<(&'g K, &'g V)>,
        _spare: Option<Draft<K, V>>,
    ) -> Action<Draft<K, V>> {
        match current {
            Some((key, value)) if (self.remove)(key, value) => Action::Remove,
            _ => Action::Keep,
        }
    }
}

/// A change that may insert the key.
pub(super) struct ByValue<K, V, F> {
    pub(super) offer: Offer<K, V>,
    pub(super) decide: F,
}

impl<'g, K, V, F> Change<'g, Boxed<K, V>> for ByValue<K, V, F>
where
    K: Eq + 'g,
    V: 'g,
    F: FnMut(&mut Offer<K, V>, Option<(&'g K, &'g V)>) -> Choice,
{
    fn is_key(&self, candidate: &K, in_draft: Option<&K>) -> bool {
        // The key is in one place: here, or in the draft that the engine holds.
        self.offer.key().or(in_draft).is_some_and(|key| key == candidate)
    }

    fn prepare(&mut self) {
        self.offer.draft_now();
    }

    fn decide(
        &mut self,
        current: Option<(&'g K, &'g V)>,
        spare: Option<Draft<K, V>>,
    ) -> Action<Draft<K, V>> {
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

/// What to do with a key; the entry to put is in the offer.
pub(super) enum Choice {
    Keep,
    Put,
    Remove,
}

/// A key on its way into the map, alone or with a value, in a draft or not yet.
pub(super) struct Offer<K, V> {
    hash: u64,
    key: Option<K>,
    value: Option<V>,
    draft: Option<Draft<K, V>>,
}

impl<K, V> Offer<K, V> {
    pub(super) fn new(hash: u64, key: K) -> Self {
        Self { hash, key: Some(key), value: None, draft: None }
    }

    pub(super) fn with_value(hash: u64, key: K, value: V) -> Self {
        Self { hash, key: Some(key), value: Some(value), draft: None }
    }

    /// An offer of nothing, when key and value have been given back.
    pub(super) fn spent(hash: u64) -> Self {
        Self { hash, key: None, value: None, draft: None }
    }

    fn key(&self) -> Option<&K> {
        self.key.as_ref().or(self.draft.as_ref().map(Boxed::<K, V>::draft_key))
    }

    /// Makes a draft of key and value, if both are here.
    fn draft_now(&mut self) {
        if self.key.is_some() && self.value.is_some() {
            self.draft = self.take_draft();
        }
    }

    fn take_draft(&mut self) -> Option<Draft<K, V>> {
        match (self.key.take(), self.value.take()) {
            (Some(key), Some(value)) => Some(Boxed::draft(self.hash, key, value)),
            (key, value) => {
                (self.key, self.value) = (key, value);
                self.draft.take()
            }
        }
    }

    /// Takes a draft apart.
    fn undraft(&mut self) {
        if let Some(draft) = self.draft.take() {
            let (key, value) = Boxed::into_pair(draft);
            (self.key, self.value) = (Some(key), Some(value));
        }
    }

    /// Gives the key this value. Returns the one that it had before.
    pub(super) fn set_value(&mut self, value: V) -> Option<V> {
        self.undraft();
        self.value.replace(value)
    }

    /// The key and value, if both are here.
    pub(super) fn into_pair(mut self) -> Option<(K, V)> {
        self.undraft();
        self.key.zip(self.value)
    }
}
