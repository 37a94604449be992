//! Keys and randomness: unique, random looking and the same for every map. No clock, no operating system.

use std::ops::Range;

/// Where the counters of keys that are never inserted start.
const ABSENT: u64 = 1 << 48;

/// The numbers of one run: all keys are a bijection of a counter, chosen by the seed.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    seed: u64,
}

impl Keys {
    /// The keys of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The key of counter `i`. Distinct counters have distinct keys.
    #[inline]
    pub fn key(self, i: u64) -> u64 {
        mix(i.wrapping_add(self.seed << 52))
    }

    /// The keys of the counters `0..n`, in order.
    pub fn present(self, n: usize) -> Vec<u64> {
        (0..n as u64).map(|i| self.key(i)).collect()
    }

    /// Overwrites `buffer` with keys that are never inserted, different ones for each `thread`.
    pub fn absent(self, buffer: &mut [u64], thread: usize) {
        let first = ABSENT + ((thread as u64) << 36);
        for (slot, i) in buffer.iter_mut().zip(first..) {
            *slot = self.key(i);
        }
    }

    /// Random numbers for one purpose; `stream` tells the purposes and threads of one run apart.
    pub fn rng(self, stream: usize) -> Rng {
        Rng(mix(mix(self.seed) ^ stream as u64))
    }
}

/// A splitmix64 generator: fast enough to draw an operation with, which all maps pay alike.
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// A random number below `n`; its low bits say nothing about the low bits of [`Rng::bits`].
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        scale(self.bits(), n)
    }

    /// Shuffles (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Maps the high bits of `bits` to a number below `n`.
#[inline]
pub fn scale(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// The part of `0..n` that `thread` of `threads` works on. The parts are disjoint and cover all.
pub fn share(n: usize, threads: usize, thread: usize) -> Range<usize> {
    n * thread / threads..n * (thread + 1) / threads
}

/// The splitmix64 step: a bijection of `u64`.
#[inline]
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_are_unique_and_absent_ones_absent() {
        let keys = Keys::new(7);
        let mut all: Vec<u64> = keys.present(1000);
        let mut absent = vec![0; 1000];
        for thread in 0..3 {
            keys.absent(&mut absent, thread);
            all.extend(&absent);
        }
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn shares_are_disjoint_and_cover_all() {
        for threads in 1..9 {
            let joined: Vec<usize> = (0..threads).flat_map(|t| share(100, threads, t)).collect();
            assert_eq!(joined, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Keys::new(1).rng(0).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
