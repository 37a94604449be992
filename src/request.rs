//! A change of one key while an engine makes it: what the engines' loops share.

use std::ptr;

use crate::engine::{Action, Change, Content};

/// A change that is being made.
pub(crate) struct Request<Ct: Content, C> {
    pub(crate) hash: u64,
    pub(crate) change: C,
    /// A draft that waits: it was to be put, and could not be yet.
    pub(crate) spare: Option<Ct::Draft>,
    /// Whether the decision may be to change nothing: then, where a change would have to copy or move
    /// much first, ask before that.
    pub(crate) peek: bool,
    /// The last answer that changes something, and the entry that it was given for.
    answer: Option<(Known<Ct>, Answer)>,
}

/// Which entry a key had, told by the address of its key; the operation's guard keeps an address
/// from becoming another entry's.
type Known<Ct> = Option<*const <Ct as Content>::Key>;

#[derive(Clone, Copy)]
enum Answer {
    /// The draft is spare, or with the operation.
    Put,
    Remove,
}

/// An entry, as an operation under a guard sees it.
type PairOf<'g, Ct> = (&'g <Ct as Content>::Key, &'g <Ct as Content>::Value);

impl<'g, Ct: Content<Key: 'g, Value: 'g>, C: Change<'g, Ct>> Request<Ct, C> {
    #[inline]
    pub(crate) fn new(hash: u64, peek: bool, mut change: C) -> Self {
        let spare = change.first_draft();
        Self { hash, change, spare, peek, answer: None }
    }

    /// Whether a key is the one that the change is about.
    #[inline]
    pub(crate) fn is_key(&self, candidate: &Ct::Key) -> bool {
        self.change.is_key(candidate, self.spare.as_ref().map(Ct::draft_key))
    }

    /// Asks what to do with a key that has this entry.
    ///
    /// An answer that could not take effect stands as long as the entry does: when the operation
    /// starts again because of other keys, of snapshots or of a move, nobody is asked. So a closure that
    /// takes a snapshot, or changes other keys, every time it runs does not keep its own operation from
    /// ever being done.
    #[inline]
    pub(crate) fn ask(&mut self, current: Option<PairOf<'g, Ct>>) -> Action<Ct::Draft> {
        if C::PUTS {
            if let Some(draft) = self.spare.take() {
                return Action::Put(draft);
            }
        }
        let entry: Known<Ct> = current.map(|(key, _)| ptr::from_ref(key));
        match self.answer {
            Some((asked_for, Answer::Remove)) if asked_for == entry => return Action::Remove,
            Some((asked_for, Answer::Put)) if asked_for == entry => {
                if let Some(draft) = self.spare.take() {
                    return Action::Put(draft);
                }
            }
            _ => {}
        }
        let action = self.change.decide(current, self.spare.take());
        self.answer = match action {
            Action::Keep => None,
            Action::Put(_) => Some((entry, Answer::Put)),
            Action::Remove => Some((entry, Answer::Remove)),
        };
        action
    }

    /// Asks what to do with a key that has this entry, before work that only a change is worth. Returns
    /// what is there if nothing changes. If something does, the answer is used after the work, if the
    /// key still has the same entry then.
    pub(crate) fn ask_ahead(
        &mut self,
        current: Option<PairOf<'g, Ct>>,
    ) -> Option<Option<PairOf<'g, Ct>>> {
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
