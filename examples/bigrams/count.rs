//! The two maps, and counting into them.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use snaptrie::{CopyTrieMap, Pinned, TrieMap};

use crate::input::{self, Content};
use crate::snapshot::Snapshot;

/// The number of a word.
pub(crate) type WordId = u32;

/// A thread refreshes its handle after this many words, so that a long piece does not keep garbage from being freed.
const REFRESH_EVERY: u64 = 4096;

/// How often each bigram occurred.
#[derive(Default)]
pub(crate) struct Bigrams {
    words: TrieMap<Box<str>, WordId>,
    next_id: AtomicU32,
    counts: CopyTrieMap<(WordId, WordId), u64>,
}

/// What has been read so far.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) files: AtomicU64,
    pub(crate) binary: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) words: AtomicU64,
    pub(crate) bigrams: AtomicU64,
}

/// A stretch of text that was counted.
#[derive(Default)]
struct Counted {
    words: u64,
    /// Its first and last word.
    ends: Option<(WordId, WordId)>,
}

impl Bigrams {
    /// Counts the bigrams of a file. A binary file is only recorded in `totals`.
    pub(crate) fn count_file(&self, path: &Path, totals: &Totals) -> io::Result<()> {
        let counted = match input::open(path) {
            Ok(Content::Binary) => {
                totals.binary.fetch_add(1, Relaxed);
                return Ok(());
            }
            Ok(Content::Whole(bytes)) => {
                self.count_text(&bytes, totals);
                Ok(())
            }
            Ok(Content::Pieces(pieces)) => {
                let counted: io::Result<Vec<_>> = pieces
                    .par_iter()
                    .map(|piece| {
                        let bytes = input::read_piece(path, piece.clone())?;
                        Ok(self.count_text(&bytes, totals))
                    })
                    .collect();
                counted.map(|pieces| self.count_seams(&pieces, totals))
            }
            Err(error) => Err(error),
        };
        let tally = if counted.is_ok() { &totals.files } else { &totals.unreadable };
        tally.fetch_add(1, Relaxed);
        counted
    }

    /// Counts the bigrams within a stretch of text.
    fn count_text(&self, bytes: &[u8], totals: &Totals) -> Counted {
        let text = String::from_utf8_lossy(bytes);
        let mut words = self.words.pin();
        // It changes the map when it is full, and when it is dropped.
        let mut counts = self.counts.writer();
        let mut lower = String::new();
        let mut counted = Counted::default();
        for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
            let id = self.number(&words, lower_case(word, &mut lower));
            if let Some((_, before)) = counted.ends {
                counts.add((before, id), 1);
            }
            counted.ends = Some((counted.ends.map_or(id, |(first, _)| first), id));
            counted.words += 1;
            if counted.words % REFRESH_EVERY == 0 {
                words.refresh();
            }
        }
        totals.bytes.fetch_add(bytes.len() as u64, Relaxed);
        totals.words.fetch_add(counted.words, Relaxed);
        totals.bigrams.fetch_add(counted.words.saturating_sub(1), Relaxed);
        counted
    }

    /// Counts the bigrams across the cuts between the pieces of one file.
    fn count_seams(&self, pieces: &[Counted], totals: &Totals) {
        let mut counts = self.counts.writer();
        let mut ends = pieces.iter().filter_map(|piece| piece.ends);
        let Some((_, mut before)) = ends.next() else {
            return;
        };
        for (first, last) in ends {
            counts.add((before, first), 1);
            totals.bigrams.fetch_add(1, Relaxed);
            before = last;
        }
    }

    /// The number of a word. A new word gets the next number. Allocates only for new words.
    fn number(&self, words: &Pinned<'_, Box<str>, WordId>, word: &str) -> WordId {
        if let Some(&id) = words.get(word) {
            return id;
        }
        // The number is lost if another thread inserts the word first, so the numbers have gaps.
        *words.get_or_insert_with(word.into(), || {
            let id = self.next_id.fetch_add(1, Relaxed);
            assert_ne!(id, WordId::MAX, "more words than there are numbers for them");
            id
        })
    }

    /// Snapshots of both maps. O(1), and writers continue.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // The order matters: a bigram is counted after its words got their numbers, so the second snapshot has all
        // words of the first one.
        let counts = self.counts.snapshot();
        Snapshot { counts, words: self.words.snapshot() }
    }
}

/// The word in lower case, character by character. In `buffer` if it differs.
fn lower_case<'w>(word: &'w str, buffer: &'w mut String) -> &'w str {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word;
    }
    buffer.clear();
    buffer.extend(word.chars().flat_map(char::to_lowercase));
    buffer
}
