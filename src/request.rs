//! A change of one key while an engine makes it. Shared by the loops of both engines.

use crate::engine::{Action, Change, Content};

/// A change that is being made.
pub(crate) struct Request<'g, Ct: Content + 'g, C: ?Sized> {
    pub(crate) hash: u64,
    /// A draft that could not be put yet.
    pub(crate) spare: Option<Ct::Draft>,
    /// Whether the decision may be to change nothing. If so, the change is asked before anything is copied or moved for
    /// it.
    pub(crate) peek: bool,
    /// The last answer that changes something, and the entry that it was about.
    answer: Option<(Option<Ct::Pair<'g>>, Answer)>,
    /// The last field, so that a request can be unsized to one for any change.
    pub(crate) change: C,
}

#[derive(Clone, Copy)]
enum Answer {
    /// The draft is in `spare`, or with the operation.
    Put,
    Remove,
}

impl<'g, Ct: Content + 'g, C: Change<'g, Ct>> Request<'g, Ct, C> {
    #[inline]
    pub(crate) fn new(hash: u64, peek: bool, mut change: C) -> Self {
        let spare = change.first_draft();
        Self { hash, spare, peek, answer: None, change }
    }
}

impl<'g, Ct: Content + 'g, C: Change<'g, Ct> + ?Sized> Request<'g, Ct, C> {
    /// Whether a key is the key of the change.
    #[inline]
    pub(crate) fn is_key(&self, candidate: &Ct::Key) -> bool {
        self.change.is_key(candidate, self.spare.as_ref().map(Ct::draft_key))
    }

    /// Computes the hash of any key of the map.
    #[inline]
    pub(crate) fn rehash(&self) -> impl Fn(&[&Ct::Key], &mut [u64]) {
        |keys, hashes| self.change.rehash(keys, hashes)
    }

    /// Asks what to do with a key that has this entry.
    ///
    /// An answer that could not take effect stays valid as long as the key has the same entry: when the operation
    /// starts again because of other keys, snapshots or a move, the change is not asked again. So a closure that takes
    /// a snapshot or changes other keys each time it runs does not make its own operation run forever.
    #[inline]
    pub(crate) fn ask(&mut self, current: Option<Ct::Pair<'g>>) -> Action<Ct::Draft> {
        if self.change.puts() {
            if let Some(draft) = self.spare.take() {
                return Action::Put(draft);
            }
        }
        match self.answer {
            Some((asked_for, answer)) if is_same::<Ct>(asked_for.as_ref(), current.as_ref()) => {
                match answer {
                    Answer::Remove => return Action::Remove,
                    Answer::Put => {
                        if let Some(draft) = self.spare.take() {
                            return Action::Put(draft);
                        }
                    }
                }
            }
            _ => {}
        }
        let action = self.change.decide(current, self.spare.take());
        self.answer = match action {
            Action::Keep => None,
            Action::Put(_) => Some((current, Answer::Put)),
            Action::Remove => Some((current, Answer::Remove)),
        };
        action
    }

    /// Asks what to do with a key that has this entry, before work that is needed only for a change. Returns the entry
    /// if nothing changes. Otherwise the answer is used after the work, if the key still has the same entry: see
    /// [`Self::ask`].
    pub(crate) fn ask_ahead(
        &mut self,
        current: Option<Ct::Pair<'g>>,
    ) -> Option<Option<Ct::Pair<'g>>> {
        match self.ask(current) {
            Action::Keep => Some(current),
            Action::Remove if current.is_none() => Some(None),
            Action::Remove => None,
            Action::Put(draft) => {
                self.spare = Some(draft);
                None
            }
        }
    }
}

/// Whether a key had the same entry both times, or none both times.
fn is_same<'g, Ct: Content + 'g>(one: Option<&Ct::Pair<'g>>, other: Option<&Ct::Pair<'g>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Ct::same_entry(one, other),
        (None, None) => true,
        _ => false,
    }
}
