//! What sets do with plain elements, which they keep in themselves. Compiled for each kind of set that does.

use super::Set;
use crate::support::{Numbered, over_hashers, sort};

over_hashers!(the_first_of_equal_elements_stays, operations_on_the_set_itself);

fn the_first_of_equal_elements_stays() {
    let set = Set::default();
    let pinned = set.pin();
    assert!(pinned.insert(Numbered(1, 1)) && !pinned.insert(Numbered(1, 2)));
    assert_eq!(pinned.get_or_insert(Numbered(1, 3)).1, 1);
    assert_eq!(pinned.replace(Numbered(1, 4)).map(|old| old.1), Some(1));
    assert_eq!(pinned.remove_get(&Numbered(1, 0)).map(|old| old.1), Some(4));
}

fn operations_on_the_set_itself() {
    let set = Set::<u32>::default();
    assert!(set.is_empty());
    assert!(set.insert(1) && !set.insert(1));
    assert_eq!(set.insert_many([1, 2, 3, 3]), 2);
    assert!(set.contains(&3) && !set.contains(&4));
    assert_eq!(set.contains_many(&[4, 3]).collect::<Vec<_>>(), [false, true]);
    assert_eq!((set.get(&2), set.get(&4)), (Some(2), None));
    assert_eq!((set.get_or_insert(2), set.get_or_insert_with(&4, |four| *four)), (2, 4));
    assert_eq!((set.replace(5), set.replace(5)), (None, Some(5)));
    assert_eq!((set.remove(&1), set.remove(&1), set.remove_get(&2)), (true, false, Some(2)));
    assert_eq!(sort(set.iter()), [3, 4, 5]);
    assert_eq!(sort(&set), [3, 4, 5]);
    set.retain(|element| *element != 4);
    assert_eq!(set.len(), 2);
    let mut pinned = set.pin();
    pinned.refresh();
    assert_eq!(sort(&pinned), [3, 5]);
    drop(pinned);
    set.clear();
    assert!(set.is_empty() && set.as_map().is_empty());
    set.flush();
}
