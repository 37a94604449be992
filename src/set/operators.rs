//! Operators of two sets or two snapshots.

use std::hash::{BuildHasher, Hash};
use std::ops::{BitAnd, BitOr, BitXor, Sub};

use super::{CopyTrieSet, SetSnapshot, TrieSet};
use crate::map::Stays;
use crate::mode::{Boxed, Inline, Place};
use crate::plain::Plain;

/// Implements an operator of two snapshots, and of two sets. The result is a fork of the left one, changed by the
/// closure.
macro_rules! operator {
    ($(#[$doc:meta])* $Trait:ident, $method:ident, |$fork:ident, $right:ident| $change:expr) => {
        operator!(TrieSet, Boxed, Clone, $(#[$doc])* $Trait, $method, |$fork, $right| $change);
        operator!(CopyTrieSet, Inline, Plain, $(#[$doc])* $Trait, $method, |$fork, $right| $change);
    };
    (
        $Set:ident, $place:ident, $bound:ident,
        $(#[$doc:meta])* $Trait:ident, $method:ident, |$fork:ident, $right:ident| $change:expr
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
                let set = self.fork();
                let ($fork, $right) = (&set.map.base, other);
                $change;
                set
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
    BitOr, bitor, |fork, right| {
        fork.insert_all(right.iter().map(|element| (K::clone(element), ())), Stays::First);
    }
}

operator! {
    /// The intersection, as a new set: a fork of the left side, without the elements that the right side does not have.
    /// O(elements on the left).
    BitAnd, bitand, |fork, right| fork.retain(|element, ()| right.contains(element))
}

operator! {
    /// The difference, as a new set: a fork of the left side, without the elements of the right side. O(elements on the
    /// right).
    Sub, sub, |fork, right| {
        let guard = fork.pin();
        let pinned = fork.with(&guard);
        right.iter().for_each(|element| _ = pinned.remove_if(element, |_, ()| true));
    }
}

operator! {
    /// The symmetric difference, as a new set: a fork of the left side, without the elements that both have, and with
    /// clones of those that only the right side has. O(elements on the right).
    BitXor, bitxor, |fork, right| {
        let guard = fork.pin();
        let pinned = fork.with(&guard);
        for element in right {
            if pinned.remove_if(element, |_, ()| true).is_none() {
                pinned.insert(pinned.hash(element), K::clone(element), ());
            }
        }
    }
}
