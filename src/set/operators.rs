//! Operators of two sets or two snapshots.

use std::hash::{BuildHasher, Hash};
use std::ops::{BitAnd, BitOr, BitXor, Sub};

use super::{CopyTrieSet, SetSnapshot, TrieSet};
use crate::map::Stays;
use crate::mode::{Boxed, Inline, Place};
use crate::plain::Plain;

/// Implements an operator of two snapshots, and of two sets.
macro_rules! operator {
    ($(#[$doc:meta])* $Trait:ident, $method:ident, |$left:ident, $right:ident| $result:expr) => {
        operator!(TrieSet, Boxed, Clone, $(#[$doc])* $Trait, $method, |$left, $right| $result);
        operator!(CopyTrieSet, Inline, Plain, $(#[$doc])* $Trait, $method, |$left, $right| $result);
    };
    (
        $Set:ident, $place:ident, $bound:ident,
        $(#[$doc:meta])* $Trait:ident, $method:ident, |$left:ident, $right:ident| $result:expr
    ) => {
        $(#[$doc])*
        impl<K, S, T, N> $Trait<&SetSnapshot<K, T, N>> for &SetSnapshot<K, S, $place>
        where
            K: $bound + Hash + Eq,
            S: BuildHasher + Clone,
            T: BuildHasher,
            N: Place<K, ()>,
        {
            type Output = $Set<K, S>;

            fn $method(self, other: &SetSnapshot<K, T, N>) -> $Set<K, S> {
                let ($left, $right) = (self, other);
                $result
            }
        }

        $(#[$doc])*
        ///
        /// Takes a snapshot of each set. The two instants may differ.
        impl<K, S, T> $Trait<&$Set<K, T>> for &$Set<K, S>
        where
            K: $bound + Hash + Eq,
            S: BuildHasher + Clone,
            T: BuildHasher + Clone,
        {
            type Output = $Set<K, S>;

            fn $method(self, other: &$Set<K, T>) -> $Set<K, S> {
                (&self.snapshot()).$method(&other.snapshot())
            }
        }
    };
}

operator! {
    /// The union, as a new set: a fork of the left side, with clones of the elements that only the right side has.
    /// O(elements on the right).
    BitOr, bitor, |left, right| {
        let set = left.fork();
        set.map.base.insert_all(right.iter().map(|element| (K::clone(element), ())), Stays::First);
        set
    }
}

operator! {
    /// The intersection, as a new set: clones of the elements of the left side that the right side has, too. O(elements
    /// on the left).
    BitAnd, bitand, |left, right| {
        Self::Output::collect(left.as_map().hasher().clone(), left.intersection(right).cloned())
    }
}

operator! {
    /// The difference, as a new set: a fork of the left side, without the elements of the right side. O(elements on the
    /// right). It keeps all elements of the left side in memory.
    Sub, sub, |left, right| {
        let set = left.fork();
        let fork = &set.map.base;
        right.iter().for_each(|element| _ = fork.with(&fork.pin()).remove_if(element, |_, ()| true));
        set
    }
}

operator! {
    /// The symmetric difference, as a new set: a fork of the left side, without the elements that both have, and with
    /// clones of those that only the right side has. O(elements on the right). It keeps all elements of the left side
    /// in memory.
    BitXor, bitxor, |left, right| {
        let set = left.fork();
        for element in right {
            let guard = set.map.base.pin();
            let pinned = set.map.base.with(&guard);
            if pinned.remove_if(element, |_, ()| true).is_none() {
                pinned.insert(pinned.hash(element), K::clone(element), ());
            }
        }
        set
    }
}
