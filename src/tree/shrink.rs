//! Shrinking: giving memory back after removals.
//!
//! A removal that leaves a bucket empty looks at the leaf. On the fast path it does so only if the bucket is the last
//! one, or the one before it is empty too. A leaf with far too much room is rebuilt; an empty one is removed. A fan
//! whose children together hold little collapses into one leaf, and then the fan above it may collapse, up to the top.
//! A leaf grows only when it is full, and a fan collapses only when it holds next to nothing. So no sequence of
//! operations makes a node grow and shrink by turns.
//!
//! None of this is needed for correctness. If two threads remove the last entries of two nodes at once, each may still
//! see the other's entry. A few empty nodes then stay until the next removal near them.
#![expect(unsafe_code, reason = "retires the nodes of a collapsed fan")]

use super::node::{AnyNode, FAN_BITS, Fan, Node};
use super::rebuild::{build, collect, freeze, rebuild, swing, unbuild};
use super::{Host, Place, path_below};
use crate::bucket::State;
use crate::reclaim::Guard;
use crate::store::{SlotHashes, TreeSlot};

/// A fan whose children hold at most this many entries collapses: far fewer than it takes to become a fan again.
const COLLAPSE: usize = if cfg!(shuttle) { 2 } else { 8 };

/// Called after a removal that emptied the bucket of a hash below `place`. Shrinks its leaf if that has become far too
/// large, and collapses the fans above that hold little, from the bottom up. Returns whether the fan above `place` may
/// hold little.
pub(crate) fn shrink<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    hash: u64,
    rehash: SlotHashes<'_, T>,
) -> bool {
    // Frozen nodes and those of older generations are left to the operations that change them.
    if place.word.is_frozen() || place.word.is_older() {
        return false;
    }
    let path = path_below(hash, place.depth);
    if let Some(fan) = place.word.fan() {
        let cell = fan.by_top_bits(path);
        let child = Place { cell, word: cell.load(host.guard()), depth: place.depth + FAN_BITS };
        return shrink(host, child, hash, rehash)
            && holds_little(fan.erased(), host.guard())
            && collapse(host, place, fan, rehash);
    }
    let Some(Node::Leaf(leaf)) = place.word.node() else { return true };
    leaf.is_far_too_large(path, host.least()) && rebuild(host, place, None, rehash).is_some()
}

/// Replaces a fan by a leaf with the entries of its children.
fn collapse<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    fan: &'g Fan<T>,
    rehash: SlotHashes<'_, T>,
) -> bool {
    // From here on no child of this fan is replaced.
    let children = fan.observe();
    if children.iter().any(|child| matches!(child.node(), Some(Node::Fan(_)))) {
        // One child became a fan before that. So this fan stays; its copy has words that can change.
        rebuild(host, place, None, rehash);
        return false;
    }
    // From here on no child changes.
    freeze(place.word.erased());
    let mut movers = Vec::with_capacity(2 * COLLAPSE);
    children.iter().for_each(|child| collect(*child, &mut movers, rehash));
    let built = build(host.birth(), &mut movers, place.depth);
    // SAFETY:
    // - just built, and not published.
    let swung = swing(host, place, built, |built| unsafe { unbuild(built.erased()) });
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
fn holds_little(fan: &Fan<()>, guard: &Guard) -> bool {
    let mut count = 0;
    fan.words().iter().all(|word| {
        count += match word.load(guard).any_node() {
            None => 0,
            Some(AnyNode::Fan(_)) => return false,
            Some(AnyNode::Leaf(leaf)) => leaf.states().map(State::count).sum(),
            Some(AnyNode::Collision(entries)) => entries,
        };
        count <= COLLAPSE
    })
}
