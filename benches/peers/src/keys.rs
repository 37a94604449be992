//! Keys and random numbers: unique, random looking, and the same for every map.

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

/// How often each of some numbers is drawn.
#[derive(Debug)]
pub enum Choice {
    /// Those below this, all alike.
    Uniform(u64),
    /// `i` in proportion to `1 / (i + 1)^0.99`.
    Zipf(Zipf),
}

impl Choice {
    /// Zipf's distribution of the numbers below `n`.
    pub fn zipf(n: u64) -> Self {
        Self::Zipf(Zipf::new(n, 0.99))
    }

    /// Draws one.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        match self {
            Self::Uniform(n) => rng.below(*n),
            Self::Zipf(zipf) => zipf.draw(rng),
        }
    }
}

/// Zipf's distribution, drawn after Gray and others, "Quickly Generating Billion-Record Synthetic Databases"
/// (SIGMOD 1994).
#[derive(Debug)]
pub struct Zipf {
    n: f64,
    zeta_n: f64,
    alpha: f64,
    eta: f64,
    /// The weight of the first two.
    two: f64,
}

impl Zipf {
    fn new(n: u64, theta: f64) -> Self {
        let weight = |i: u64| (i as f64).powf(-theta);
        let zeta_n: f64 = (1..=n).map(weight).sum();
        let two = 1.0 + weight(2);
        let eta = (1.0 - (2.0 / n as f64).powf(1.0 - theta)) / (1.0 - two / zeta_n);
        Self { n: n as f64, zeta_n, alpha: 1.0 / (1.0 - theta), eta, two }
    }

    #[inline]
    fn draw(&self, rng: &mut Rng) -> u64 {
        let unit = (rng.bits() >> 11) as f64 / (1u64 << 53) as f64;
        let weight = unit * self.zeta_n;
        if weight < 1.0 {
            return 0;
        }
        if weight < self.two {
            return 1;
        }
        let rank = self.n * (self.eta * unit - self.eta + 1.0).powf(self.alpha);
        rank.min(self.n - 1.0) as u64
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
    fn few_numbers_are_drawn_often_after_zipf() {
        let (choice, mut rng) = (Choice::zipf(1000), Keys::new(1).rng(0));
        let mut counts = vec![0; 1000];
        for _ in 0..100_000 {
            counts[choice.draw(&mut rng) as usize] += 1;
        }
        // The weights 1 and 1/10^0.99 of their sum, 7.6; the rarest are drawn too.
        assert!((12_500..13_700).contains(&counts[0]), "{}", counts[0]);
        assert!((1_100..1_650).contains(&counts[9]), "{}", counts[9]);
        assert!(counts[900..].iter().sum::<i32>() > 500);
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
