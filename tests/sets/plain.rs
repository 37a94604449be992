//! What sets do with plain elements, which they keep in themselves. Compiled for each kind of set that does.

use super::Set;
use crate::support::{Numbered, over_hashers};

over_hashers!(the_first_of_equal_elements_stays);

fn the_first_of_equal_elements_stays() {
    let set = Set::default();
    let pinned = set.pin();
    assert!(pinned.insert(Numbered(1, 1)) && !pinned.insert(Numbered(1, 2)));
    assert_eq!(pinned.get_or_insert(Numbered(1, 3)).1, 1);
    assert_eq!(pinned.replace(Numbered(1, 4)).map(|old| old.1), Some(1));
    assert_eq!(pinned.remove_get(&Numbered(1, 0)).map(|old| old.1), Some(4));
}
