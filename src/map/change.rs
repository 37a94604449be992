//! Changes of one key, as the engine takes them: by a borrowed key or by an owned one.

use std::hash::Hash;
use std::marker::PhantomData;

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
            Choice::Put => match self.offer.draft.take() {
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

/// A key on its way into the map, alone or already with a value.
pub(super) struct Offer<K, V> {
    hash: u64,
    key: Option<K>,
    draft: Option<Draft<K, V>>,
    _value: PhantomData<V>,
}

impl<K, V> Offer<K, V> {
    pub(super) fn new(hash: u64, key: K) -> Self {
        Self { hash, key: Some(key), draft: None, _value: PhantomData }
    }

    pub(super) fn with_value(hash: u64, key: K, value: V) -> Self {
        let draft = Boxed::draft(hash, key, value);
        Self { hash, key: None, draft: Some(draft), _value: PhantomData }
    }

    /// An offer of nothing, when key and value have been given back.
    pub(super) fn spent(hash: u64) -> Self {
        Self { hash, key: None, draft: None, _value: PhantomData }
    }

    fn key(&self) -> Option<&K> {
        self.key.as_ref().or(self.draft.as_ref().map(Boxed::<K, V>::draft_key))
    }

    /// Whether a value goes with the key.
    pub(super) fn has_value(&self) -> bool {
        self.draft.is_some()
    }

    /// Gives the key this value. Returns the one that it had before.
    pub(super) fn set_value(&mut self, value: V) -> Option<V> {
        let before = self.take_value();
        if let Some(key) = self.key.take() {
            self.draft = Some(Boxed::draft(self.hash, key, value));
        }
        before
    }

    /// Takes the value back from the key.
    pub(super) fn take_value(&mut self) -> Option<V> {
        let (key, value) = Boxed::into_pair(self.draft.take()?);
        self.key = Some(key);
        Some(value)
    }

    /// The key and value, if both are here.
    pub(super) fn into_pair(self) -> Option<(K, V)> {
        self.draft.map(Boxed::into_pair)
    }
}
