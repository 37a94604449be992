//! What sets do with elements that own something. Compiled for each kind of set that may have some.

use snaptrie::FixedState;

use super::{AnySet, Set};
use crate::support::{Counted, Ledger, over_hashers, sort};

over_hashers!(
    the_first_of_equal_elements_stays,
    replacing_changes_the_element,
    removing,
    getting_or_inserting,
    constructors,
);

/// Equal by the first part alone.
#[derive(Clone, Debug)]
struct Named(u32, &'static str);

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Named {}
impl std::hash::Hash for Named {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn the_first_of_equal_elements_stays() {
    let name = |set: &Set<Named>| set.pin().get(&Named(1, "")).map(|element| element.1);
    let mut set = Set::default();
    assert!(set.pin().insert(Named(1, "first")));
    assert!(!set.pin().insert(Named(1, "second")));
    assert_eq!(set.pin().insert_many([Named(1, "third"), Named(2, "other")]), 1);
    set.extend([Named(1, "fourth")]);
    (&set).extend([Named(1, "fifth")]);
    assert_eq!(set.pin().get_or_insert(Named(1, "sixth")).1, "first");
    assert_eq!((name(&set), set.len()), (Some("first"), 2));
    let collected: Set<Named> = [Named(1, "first"), Named(1, "second")].into_iter().collect();
    assert_eq!(name(&collected), Some("first"));
}

fn replacing_changes_the_element() {
    let set = Set::default();
    let pinned = set.pin();
    assert!(pinned.replace(Named(1, "first")).is_none());
    assert_eq!(pinned.replace(Named(1, "second")).map(|old| old.1), Some("first"));
    assert_eq!(pinned.get(&Named(1, "")).map(|now| now.1), Some("second"));
    assert_eq!(pinned.len(), 1);
}

fn removing() {
    let ledger = Ledger::new();
    let set: Set<Counted> = (0..50).map(|tag| ledger.make(tag)).collect();
    let mut pinned = set.pin();
    let probe = ledger.make(7);
    assert_eq!(pinned.remove_get(&probe).map(|element| element.tag()), Some(7));
    assert!(pinned.remove_get(&probe).is_none() && !pinned.remove(&probe));
    assert!(pinned.remove(&ledger.make(8)));
    pinned.retain(|element| element.tag() % 2 == 0);
    assert_eq!(
        sort(pinned.iter().map(Counted::tag)),
        sort((0..50).filter(|t| t % 2 == 0 && *t != 8))
    );
    pinned.refresh();
    drop(pinned);
    set.clear();
    assert!(set.is_empty() && set.pin().is_empty());
    drop((set, probe));
    assert_eq!(ledger.live(), 0);
}

fn getting_or_inserting() {
    let set = Set::<String>::default();
    let pinned = set.pin();
    let made = pinned.get_or_insert_with("a", str::to_string);
    assert_eq!(made, "a");
    let again = pinned.get_or_insert_with("a", |_| unreachable!("it is there"));
    assert!(std::ptr::eq(made, again) && std::ptr::eq(made, pinned.get_or_insert("a".to_string())));
    assert_eq!(pinned.get_or_insert("b".to_string()), "b");
    // What the closure makes counts, not what it was asked for.
    assert_eq!(pinned.get_or_insert_with("c", |_| "b".to_string()), "b");
    assert!(!pinned.contains("c") && pinned.len() == 2);
}

fn constructors() {
    assert_eq!(AnySet::from([1, 1]).len(), 1);
    assert_eq!(format!("{:?}", AnySet::<u32>::new()), "{}");
    static STATIC: AnySet<u32, FixedState> = AnySet::with_hasher(FixedState::with_seed(1));
    let hash = |state: &FixedState| std::hash::BuildHasher::hash_one(state, 7);
    assert_eq!(hash(STATIC.hasher()), hash(&FixedState::with_seed(1)));
}
