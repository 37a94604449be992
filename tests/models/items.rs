//! What the maps of all models hold, and how its hashes are.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use shuttle::rand::rngs::ThreadRng;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::linear::{KEYS, Numbered, Op};

pub(crate) type Good = DefaultHasher;

/// Two hashes, so that keys meet in one group, or in two chunks; deep tries come from the constant hash.
#[derive(Default)]
pub(crate) struct FewBits(DefaultHasher);

impl Hasher for FewBits {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn finish(&self) -> u64 {
        self.0.finish() & 1
    }
}

#[derive(Default)]
pub(crate) struct Constant;

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        7
    }
}

/// A value with a number.
pub(crate) trait Item: Numbered + Send + Sync + 'static {
    fn make(number: u16, live: &Arc<AtomicIsize>) -> Self;
}

/// A value that counts itself, and that shows if it is read after it was dropped.
pub(crate) struct Value {
    number: u16,
    live: Arc<AtomicIsize>,
}

const DROPPED: u16 = u16::MAX;

impl Item for Value {
    fn make(number: u16, live: &Arc<AtomicIsize>) -> Self {
        live.fetch_add(1, Ordering::SeqCst);
        Self { number, live: Arc::clone(live) }
    }
}

impl Numbered for Value {
    fn number(&self) -> u16 {
        assert_ne!(self.number, DROPPED, "read after it was dropped");
        self.number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_ne!(self.number, DROPPED, "dropped twice");
        self.number = DROPPED;
        // Keeps the write above, though the memory is about to be freed.
        std::hint::black_box(&self.number);
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads values under the guard of their handle, before and after other threads had a turn.
pub(crate) fn read_again(values: &[&Value]) {
    let numbers = || values.iter().map(|value| value.number()).collect::<Vec<_>>();
    let before = numbers();
    thread::yield_now();
    assert_eq!(before, numbers(), "freed under a guard");
}

/// A plain number, and the same number so that it shows if what is read was never written.
#[derive(Clone, Copy)]
pub(crate) struct Plain(u16, u16);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - two numbers of two bytes.
unsafe impl snaptrie::Plain for Plain {}

impl Item for Plain {
    fn make(number: u16, _live: &Arc<AtomicIsize>) -> Self {
        Self(number, !number)
    }
}

impl Numbered for Plain {
    fn number(&self) -> u16 {
        assert_eq!(self.0, !self.1, "read what was not written");
        self.0
    }
}

/// Any programs of two to four threads, of fewer than `most` operations each: `op` makes one of a key and a new
/// value.
pub(crate) fn any_programs(
    most: usize,
    op: impl Fn(&mut ThreadRng, u8, u16) -> Op,
) -> Vec<Vec<Op>> {
    let mut rng = thread_rng();
    let mut value = 0;
    let mut any = |rng: &mut ThreadRng| {
        value += 1;
        let key = rng.gen_range(0..KEYS as u8);
        op(rng, key, value)
    };
    let threads = rng.gen_range(2..5);
    (0..threads).map(|_| (0..rng.gen_range(1..most)).map(|_| any(&mut rng)).collect()).collect()
}
