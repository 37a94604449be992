//! Sets without a handle: no result borrows from a temporary.

use super::Set;
use crate::support::{over_hashers, verify};

over_hashers!(results_outlive_the_statement, elements_by_value);

fn results_outlive_the_statement() {
    let set = Set::<String>::default();
    let inserted = ["a", "b", "a"].map(|element| set.insert(element.to_string()));
    let found = (set.contains("a"), set.contains("c"));
    let removed = [set.remove("a"), set.remove("a")];
    set.retain(|element| element != "b");
    assert_eq!((inserted, found, removed), ([true, true, false], (true, false), [true, false]));
    assert!(set.is_empty());
    verify(set.as_map());
}

fn elements_by_value() {
    let set: Set<String> = (0..100).map(|i| i.to_string()).collect();
    set.remove("7");
    let mut elements = super::into_elements(set);
    assert_eq!(elements.len(), 99);
    let sum: u32 = elements.by_ref().take(99).map(|element| element.parse::<u32>().unwrap()).sum();
    assert_eq!((sum, elements.next()), (4_943, None));
}
