//! `none`: an empty loop in place of a map, the control of the workload `latency`. Not a map.

use super::{Peer, Sum};
use std::hint::black_box;

/// Does nothing and reports success.
#[derive(Debug)]
pub struct Nothing;

impl Peer for Nothing {
    fn new() -> Self {
        Self
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        black_box((key, value));
        true
    }

    fn get(&self, _key: u64) -> Option<u64> {
        None
    }

    fn upsert(&self, _key: u64, _value: u64) -> bool {
        true
    }

    fn update(&self, _key: u64, _value: u64) -> bool {
        true
    }

    fn remove(&self, _key: u64) -> bool {
        true
    }

    fn scan(&self) -> Sum {
        Sum::default()
    }
}
