//! `evmap` 11: two copies of the map, one for readers and one for the only writer, which swaps them in
//! `publish`. Writers share it behind a `Mutex`; readers have a handle for each thread, as advised.
//!
//! Every write publishes, so that it is visible when it returns, as in the other maps. The crate is made for rare
//! publications: the workload `batch`, which publishes once per batch, shows it at its best.

#![expect(unsafe_code, reason = "`evmap` asks for a promise about the hasher")]

use super::{Hasher, Peer, Sum, sum};
use evmap::Options;
use evmap::handles::{ReadHandle, WriteHandle};
use std::sync::{Mutex, MutexGuard};
use thread_local::ThreadLocal;

type Reader = ReadHandle<u64, u64, (), Hasher>;
type Writer = WriteHandle<u64, u64, (), Hasher>;

const UNPOISONED: &str = "no thread panics with the lock";

/// `evmap`, one value a key.
pub struct Evmap {
    readers: ThreadLocal<Reader>,
    /// Cloned for each thread that reads.
    first: Mutex<Reader>,
    writer: Mutex<Writer>,
}

impl Evmap {
    fn with_entries(entries: usize) -> Self {
        // SAFETY:
        // - the hasher gives equal keys equal hashes, and so do its clones: its seed is fixed when it is
        //   made, and `Clone` copies it.
        let options = unsafe { Options::default().with_hasher(Hasher::default()) };
        let (mut writer, first) = options.with_capacity(entries).construct();
        // Before the first one, readers see no map at all.
        writer.publish();
        Self { readers: ThreadLocal::new(), first: Mutex::new(first), writer: Mutex::new(writer) }
    }

    #[inline]
    fn reader(&self) -> &Reader {
        self.readers.get_or(|| self.first.lock().expect(UNPOISONED).clone())
    }

    #[inline]
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().expect(UNPOISONED)
    }
}

/// Whether the key is present. Only the writer changes that, and all its changes are published.
fn has(writer: &Writer, key: u64) -> bool {
    writer.contains_key(&key)
}

impl Peer for Evmap {
    fn new() -> Self {
        Self::with_entries(0)
    }

    fn sized(entries: usize) -> Self {
        Self::with_entries(entries)
    }

    #[inline]
    fn insert(&self, key: u64, value: u64) -> bool {
        !self.upsert(key, value)
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u64> {
        self.reader().get_one(&key).map(|value| *value)
    }

    #[inline]
    fn upsert(&self, key: u64, value: u64) -> bool {
        let mut writer = self.writer();
        let there = has(&writer, key);
        writer.update(key, value).publish();
        there
    }

    #[inline]
    fn update(&self, key: u64, value: u64) -> bool {
        let mut writer = self.writer();
        let there = has(&writer, key);
        if there {
            writer.update(key, value).publish();
        }
        there
    }

    #[inline]
    fn remove(&self, key: u64) -> bool {
        let mut writer = self.writer();
        let there = has(&writer, key);
        if there {
            writer.remove_entry(key).publish();
        }
        there
    }

    fn get_many(&self, keys: &[u64]) -> u64 {
        let map = self.reader().enter().expect("the writer lives");
        sum(keys.iter().map(|key| map.get_one(key).copied()))
    }

    fn insert_many(&self, keys: &[u64], value: u64) {
        let mut writer = self.writer();
        for &key in keys {
            writer.update(key, value);
        }
        writer.publish();
    }

    fn scan(&self) -> Sum {
        let map = self.reader().enter().expect("the writer lives");
        Sum::of(map.iter().filter_map(|(_, values)| values.get_one().copied()))
    }
}
