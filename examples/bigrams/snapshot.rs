//! Both maps at one instant, with words in place of their numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use snaptrie::{RandomState, mode};

use crate::count::WordId;

/// The bigrams of one instant with their counts, and at least the words in them.
pub(crate) struct Snapshot {
    pub(crate) counts: snaptrie::Snapshot<(WordId, WordId), u64, RandomState, mode::Inline>,
    pub(crate) words: snaptrie::Snapshot<Box<str>, WordId>,
}

/// A bigram, ordered by count, the highest first, and then by its words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ranked<'s> {
    pub(crate) count: Reverse<u64>,
    pub(crate) words: [&'s str; 2],
}

impl Snapshot {
    /// At most `limit` most frequent bigrams, in order. O(n).
    pub(crate) fn top(&self, limit: usize) -> Vec<Ranked<'_>> {
        // The top of the heap is the last one of the list.
        let mut heap = BinaryHeap::new();
        if limit == 0 {
            return Vec::new();
        }
        for ranked in self.ranked() {
            if heap.len() < limit {
                heap.push(ranked);
            } else if heap.peek().is_some_and(|last| ranked < *last) {
                heap.pop();
                heap.push(ranked);
            }
        }
        heap.into_sorted_vec()
    }

    /// All bigrams, in no particular order.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = Ranked<'_>> {
        let spelling = self.spelling();
        self.counts.iter().map(move |(&(first, second), &count)| {
            let words = [spelling[first as usize], spelling[second as usize]];
            Ranked { count: Reverse(count), words }
        })
    }

    /// The words by their numbers. Empty if no word has the number.
    fn spelling(&self) -> Vec<&str> {
        let mut spelling = Vec::new();
        for (word, &id) in &self.words {
            let id = id as usize;
            if spelling.len() <= id {
                spelling.resize(id + 1, "");
            }
            spelling[id] = &**word;
        }
        spelling
    }

    /// The sum of all counts.
    pub(crate) fn sum(&self) -> u64 {
        self.counts.values().sum()
    }
}
