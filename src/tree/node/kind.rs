//! Nodes by kind, and how a word leads to one.
#![expect(unsafe_code, reason = "turns the address of a word into a reference to the node")]

use std::ptr::NonNull;

use super::collision::Collision;
use super::fan::Fan;
use super::word::{BITS, FAN, SHAPE, Word};
use crate::bucket::Slot;
use crate::leaf::{Buckets, Leaf, RawNode, Shape, Size};

/// A node, by kind.
pub(crate) enum Node<'g, T: Slot> {
    Leaf(Leaf<'g, T>),
    Fan(&'g Fan<T>),
    Collision(Collision<'g, T>),
}

/// A node over slots of any type, without access to the slots.
pub(crate) enum AnyNode<'g> {
    Leaf(Buckets<'g>),
    Fan(&'g Fan<()>),
    /// Of this many entries.
    Collision(usize),
}

impl<'g> Word<'g, ()> {
    /// The node, if the word is not empty.
    pub(crate) fn any_node(self) -> Option<AnyNode<'g>> {
        let node = self.raw_node()?;
        // SAFETY:
        // - the node is allocated for `'g`, and of the shape that the word tells: as in `node`.
        Some(unsafe {
            match self.shape() {
                Shape::Fan => AnyNode::Fan(node.body().cast::<Fan<()>>().as_ref()),
                Shape::Collision => AnyNode::Collision(node.header().entries as usize),
                Shape::Leaf(size) => AnyNode::Leaf(Buckets::new(node, size)),
            }
        })
    }
}

impl<'g, T> Word<'g, T> {
    /// The node, if it is a fan.
    #[inline]
    pub(crate) fn fan(self) -> Option<&'g Fan<T>> {
        if self.bits() & SHAPE != FAN {
            return None;
        }
        // SAFETY:
        // - not null: `to_node` is the only place that sets the code.
        // - allocated for `'g`, and of this shape: invariant of `Word`.
        Some(unsafe { &*self.raw.map_addr(|address| address & !BITS).cast::<Fan<T>>() })
    }

    /// Whether the node is a fan of the holder's own generation and not frozen.
    #[inline]
    pub(crate) fn is_own_fan(self) -> bool {
        self.bits() == FAN
    }

    /// The node, which is a fan of the holder's own generation. An `Option` would be tested for null at each level.
    ///
    /// # Safety
    /// - [`Self::is_own_fan`] holds.
    #[inline]
    pub(crate) unsafe fn own_fan(self) -> &'g Fan<T> {
        debug_assert!(self.is_own_fan());
        // SAFETY:
        // - as in `fan`; subtracting the bits that are set, promised by the caller, leaves the bare address.
        unsafe { &*self.raw.wrapping_byte_sub(FAN).cast::<Fan<T>>() }
    }
}

impl<'g, T: Slot> Word<'g, T> {
    /// The node, if it is a leaf of the holder's own generation and not frozen.
    #[inline]
    pub(crate) fn own_leaf(self) -> Option<Leaf<'g, T>> {
        let bits = self.bits();
        // One comparison: none of the other bits, and a code of a leaf.
        if !(1..FAN).contains(&bits) {
            return None;
        }
        // SAFETY:
        // - a word with a code has a node, and these codes are those of leaves.
        // - the node is allocated for `'g`, and of the shape that the word tells: invariant of `Word`.
        unsafe {
            let body = NonNull::new_unchecked(self.raw.wrapping_byte_sub(bits));
            Some(Leaf::new(RawNode::from_body(body), Size::of_code(bits)))
        }
    }

    /// The node, if the word is not empty.
    #[inline]
    pub(crate) fn node(self) -> Option<Node<'g, T>> {
        let node = self.raw_node()?;
        // SAFETY:
        // - the node is allocated for `'g`, and of the shape that the word tells: invariant of
        //   `Word`, and `to_node` is the only place that sets the shape bits.
        Some(unsafe {
            match self.shape() {
                Shape::Fan => Node::Fan(node.body().cast::<Fan<T>>().as_ref()),
                Shape::Collision => Node::Collision(Collision::new(node)),
                Shape::Leaf(size) => Node::Leaf(Leaf::new(node, size)),
            }
        })
    }
}
