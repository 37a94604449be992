//! Shrinking: giving memory back after removals.
//!
//! A branch whose entries would fit one two shapes smaller is rebuilt; one that is empty leaves its
//! place empty. A fan whose children together hold little collapses into one branch, and then the
//! fan above it may, up to the root. Growth waits until a branch is full and collapse until a fan
//! holds less than a small branch, so that no sequence of operations goes back and forth.
//!
//! None of this is needed for correctness. Where two threads remove the last entries of two nodes at
//! once, each may see the other's not yet gone: then a few empty nodes stay until the next removal
//! near them.
#![expect(unsafe_code, reason = "retires the nodes of a collapsed fan")]

use super::node::{FAN_WIDTH, Fan, Node, Seen, View, Word, is_far_too_large};
use super::{Context, Place, Rehash, Trie};
use crate::entry::Store;
use crate::reclaim::Guard;
use crate::sync::stall_point;

/// A fan whose children hold this many entries or fewer collapses. A branch for them has room for
/// as many again, and it takes more than 150 to make a fan again.
const COLLAPSE: usize = if cfg!(shuttle) { 2 } else { 8 };

impl<St: Store> Trie<St> {
    /// After a removal that left `left` of the key's group, in the branch at `place`: shrinks the branch
    /// if it became far too large. Looks at it where none or three of the group are left.
    #[inline]
    pub(super) fn shrink_after_remove<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        left: Seen<'g, St::Slot>,
        hash: u64,
        rehash: Rehash<'_, St>,
    ) {
        if left.is_empty() || left.has_three() {
            self.shrink_branch(context, place, hash, rehash);
        }
    }

    #[cold]
    fn shrink_branch<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        hash: u64,
        rehash: Rehash<'_, St>,
    ) {
        let Some(Node::Branch(branch)) = place.word.node() else { return };
        let count: usize = branch.groups().map(|group| group.load().count()).sum();
        if count > 0 && !is_far_too_large::<St::Slot>(branch.shape(), count) {
            return;
        }
        if self.rebuild(context, place, rehash).is_some() && count <= COLLAPSE {
            self.shrink(context.guard, hash, rehash);
        }
    }

    /// Collapses the fans above a hash that hold little, from the bottom up.
    #[cold]
    pub(super) fn shrink<'g>(&'g self, guard: &'g Guard, hash: u64, rehash: Rehash<'_, St>) {
        let Some(context) = self.root(guard) else { return };
        let mut place =
            Place { cell: &context.root.top, word: context.root.top.load(guard), level: 0 };
        let mut fans = Vec::new();
        loop {
            // What is frozen or of an older generation is left to the operations that change it.
            if place.word.is_frozen() || place.word.is_older() {
                return;
            }
            match place.word.node() {
                Some(Node::Fan(fan)) => {
                    fans.push((place, fan));
                    let cell = fan.towards(hash, place.level);
                    place = Place { cell, word: cell.load(guard), level: place.level + 1 };
                }
                Some(Node::Chain(chain)) if chain.links(View::Live(guard)).next().is_none() => {
                    if self.rebuild(context, place, rehash).is_none() {
                        return;
                    }
                    break;
                }
                _ => break,
            }
        }
        while let Some((place, fan)) = fans.pop() {
            if !holds_little::<St>(fan, guard) || !self.collapse(context, place, fan, rehash) {
                return;
            }
        }
    }

    /// Replaces a fan by a branch with the entries of its children.
    fn collapse<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        fan: &'g Fan<St::Slot>,
        rehash: Rehash<'_, St>,
    ) -> bool {
        // From here on no child of this fan is replaced …
        let children = fan.words().each_ref().map(|word| word.observe());
        if children.iter().any(|child| matches!(child.node(), Some(Node::Fan(_)))) {
            // … and one of them burst before that: the fan stays, with words that can change.
            self.rebuild(context, place, rehash);
            return false;
        }
        stall_point("frozen fan");
        // … and now none changes any more.
        let mut movers = Vec::with_capacity(2 * COLLAPSE);
        let mut links = Vec::new();
        for child in children {
            match child.node() {
                Some(Node::Branch(branch)) => {
                    Self::freeze(branch);
                    Self::collect_slots(branch, &mut movers, rehash);
                }
                Some(Node::Chain(chain)) => links.extend(chain.observe()),
                Some(Node::Fan(_)) | None => {}
            }
        }
        movers.extend(links.iter().map(|link| {
            // SAFETY:
            // - reached under the guard: links stay allocated for `'g`.
            let slot = unsafe { link.as_ref() }.slot().now;
            St::mover(slot, rehash)
        }));
        let built = Self::build(context, &mut movers, place.level);
        // SAFETY:
        // - just built, and not published.
        let swung = self.swing(context, place, built, |built| unsafe { Self::unbuild(built) });
        if swung.is_some() {
            // SAFETY:
            // - unlinked by the CAS that just took the fan out: the children were reached through it
            //   alone, and what they held is in the new branch.
            unsafe {
                children.into_iter().for_each(|child| self.retire_shell(context, child));
                links.into_iter().for_each(|link| self.retire_cell(context, link));
            }
        }
        swung.is_some()
    }
}

/// Whether the children of a fan hold so little that it should collapse.
fn holds_little<'g, St: Store>(fan: &'g Fan<St::Slot>, guard: &'g Guard) -> bool {
    let view = View::Live(guard);
    let mut count = 0;
    (0..FAN_WIDTH).all(|index| {
        let child: Word<'g, St::Slot> = fan.words()[index].load(guard);
        count += match child.node() {
            None => 0,
            Some(Node::Fan(_)) => return false,
            Some(Node::Branch(branch)) => branch.groups().map(|group| group.load().count()).sum(),
            Some(Node::Chain(chain)) => chain.links(view).take(COLLAPSE + 1).count(),
        };
        count <= COLLAPSE
    })
}
