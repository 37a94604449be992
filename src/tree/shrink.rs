//! Shrinking: giving memory back after removals.
//!
//! A removal that leaves a bucket empty looks at the whole leaf. A leaf with far too much room is rebuilt, and an empty
//! leaf is dropped. A fan whose children together hold little collapses into one leaf. Then the fan above it may
//! collapse, and so on up to the top. Growth waits until a leaf is full, and collapse waits until a fan holds next to
//! nothing. So no sequence of operations makes a node grow and shrink again and again.
//!
//! None of this is needed for correctness. If two threads remove the last entries of two nodes at once, each may still
//! see the other's entry. A few empty nodes then stay until the next removal near them.
#![expect(unsafe_code, reason = "retires the nodes of a collapsed fan")]

use super::node::{FAN_BITS, Fan, LEVELS, Node, Word};
use super::rebuild::{build, collect, freeze, rebuild, swing, unbuild};
use super::{Host, Place, Rehash, path_below};
use crate::entry::Store;
use crate::leaf::FAN_WIDTH;
use crate::reclaim::Guard;

/// A fan whose children hold at most this many entries collapses: far fewer than it takes to become a fan again.
const COLLAPSE: usize = if cfg!(shuttle) { 2 } else { 8 };

/// Called after a removal that emptied the bucket of a hash below `place`. Shrinks its leaf if that has become far too
/// large, and collapses the fans above that hold little, from the bottom up.
pub(crate) fn shrink<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    mut place: Place<'g, St::Slot>,
    hash: u64,
    rehash: Rehash<'_, St>,
) {
    let mut fans = [None; LEVELS as usize];
    let mut levels = fans.iter_mut();
    loop {
        // Frozen nodes and those of older generations are left to the operations that change them.
        if place.word.is_frozen() || place.word.is_older() {
            return;
        }
        let Some(fan) = place.word.fan() else { break };
        // PANICS: never: below that many fans no hash bits are left.
        *levels.next().expect("a level") = Some((place, fan));
        let cell = fan.by_top_bits(path_below(hash, place.depth));
        place = Place { cell, word: cell.load(host.guard()), depth: place.depth + FAN_BITS };
    }
    if let Some(Node::Leaf(leaf)) = place.word.node() {
        if !leaf.is_far_too_large(host.least()) || rebuild(host, place, None, rehash).is_none() {
            return;
        }
    }
    for (place, fan) in fans.into_iter().rev().flatten() {
        if !holds_little::<St>(fan, host.guard()) || !collapse(host, place, fan, rehash) {
            return;
        }
    }
}

/// Replaces a fan by a leaf with the entries of its children.
fn collapse<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    fan: &'g Fan<St::Slot>,
    rehash: Rehash<'_, St>,
) -> bool {
    // From here on no child of this fan is replaced.
    let children = fan.observe();
    if children.iter().any(|child| matches!(child.node(), Some(Node::Fan(_)))) {
        // One child became a fan before that. So this fan stays; its copy has words that can change.
        rebuild(host, place, None, rehash);
        return false;
    }
    // From here on no child changes.
    freeze::<St>(place.word);
    let mut movers = Vec::with_capacity(2 * COLLAPSE);
    children.iter().for_each(|child| collect::<St>(*child, &mut movers, rehash));
    let built = build::<St>(host.birth(), &mut movers, place.depth);
    // SAFETY:
    // - just built, and not published.
    let swung = swing(host, place, built, |built| unsafe { unbuild::<St>(built) });
    if swung.is_some() {
        for child in children {
            // SAFETY:
            // - unlinked by the CAS that just took the fan out: the children were reached only through it, and the new
            //   leaf has their entries.
            unsafe { host.retire_shell(child) };
        }
    }
    swung.is_some()
}

/// Whether the children of a fan hold so little that it should collapse.
fn holds_little<'g, St: Store>(fan: &'g Fan<St::Slot>, guard: &'g Guard) -> bool {
    let mut count = 0;
    (0..FAN_WIDTH).all(|index| {
        let child: Word<'g, St::Slot> = fan.words()[index].load(guard);
        count += match child.node() {
            None => 0,
            Some(Node::Fan(_)) => return false,
            Some(Node::Leaf(leaf)) => leaf.count(),
            Some(Node::Collision(node)) => node.len(),
        };
        count <= COLLAPSE
    })
}
