//! Keys, random numbers and distributions: the same in every run and for every map.

use std::hash::Hash;
use std::ops::Range;

use super::maps::{FlatInline, Inline, Visit};

/// A key that a counter can be turned into. Distinct counters give distinct keys.
pub(crate) trait Key: Clone + Eq + Hash + Send + Sync + 'static {
    /// The name of the key in the name of a benchmark.
    const NAME: &'static str;

    /// The key of a counter.
    fn nth(counter: u64) -> Self;

    /// Visits the maps that take only keys of this kind.
    fn each_special(_visitor: &mut impl Visit<Self>) {}
}

impl Key for u64 {
    const NAME: &'static str = "u64";

    fn nth(counter: u64) -> Self {
        mix(counter)
    }

    fn each_special(visitor: &mut impl Visit<Self>) {
        visitor.visit::<Inline<Self>>();
        visitor.visit::<FlatInline<Self>>();
    }
}

impl Key for String {
    const NAME: &'static str = "string";

    /// Twenty bytes: longer than a hasher reads at once, and with a common prefix.
    fn nth(counter: u64) -> Self {
        format!("key:{:016x}", mix(counter))
    }
}

/// Small numbers in order, not random ones.
impl Key for u32 {
    const NAME: &'static str = "u32 in order";

    fn nth(counter: u64) -> Self {
        counter as Self
    }

    fn each_special(visitor: &mut impl Visit<Self>) {
        visitor.visit::<Inline<Self>>();
        visitor.visit::<FlatInline<Self>>();
    }
}

/// A splitmix64 generator.
pub(crate) struct Rng(u64);

impl Rng {
    /// The numbers of one purpose.
    pub(crate) fn new(stream: u64) -> Self {
        Self(mix(stream ^ 0x5eed))
    }

    /// The next 64 random bits.
    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// A random number below `n`; its low bits say nothing about those of [`Rng::bits`].
    #[inline]
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A random number in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Shuffles (Fisher-Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// How often each of `n` things is chosen.
pub(crate) enum Choice {
    /// All alike.
    Uniform(usize),
    /// Thing `i` in proportion to `1 / (i + 1)^0.99`.
    Zipf(Zipf),
}

impl Choice {
    pub(crate) fn zipf(n: usize) -> Self {
        Self::Zipf(Zipf::new(n, 0.99))
    }

    /// Chooses one.
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        match self {
            Self::Uniform(n) => rng.below(*n),
            Self::Zipf(zipf) => zipf.draw(rng),
        }
    }
}

/// Zipf's distribution, drawn after Gray and others, "Quickly Generating Billion-Record Synthetic
/// Databases" (SIGMOD 1994).
pub(crate) struct Zipf {
    n: f64,
    zeta_n: f64,
    alpha: f64,
    eta: f64,
    /// The weight of the first two.
    two: f64,
}

impl Zipf {
    fn new(n: usize, theta: f64) -> Self {
        let weight = |i: usize| (i as f64).powf(-theta);
        let zeta_n: f64 = (1..=n).map(weight).sum();
        let two = 1.0 + weight(2);
        let eta = (1.0 - (2.0 / n as f64).powf(1.0 - theta)) / (1.0 - two / zeta_n);
        Self { n: n as f64, zeta_n, alpha: 1.0 / (1.0 - theta), eta, two }
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        let unit = rng.unit();
        let weight = unit * self.zeta_n;
        if weight < 1.0 {
            return 0;
        }
        if weight < self.two {
            return 1;
        }
        let rank = self.n * (self.eta * unit - self.eta + 1.0).powf(self.alpha);
        rank.min(self.n - 1.0) as usize
    }
}

/// The part of `0..n` that `thread` of `threads` works on. The parts are disjoint and cover all.
pub(crate) fn share(n: usize, threads: usize, thread: usize) -> Range<usize> {
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
