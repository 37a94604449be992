//! Updates, `compute` and `retain`.

use std::collections::BTreeMap;

use snaptrie::{Compute, Operation};

use super::Map;
use super::entries::{Marked, marked};
use crate::support::{Chosen, Tested, finish, over_hashers, sorted};

over_hashers!(
    update_replaces_the_value,
    update_or_insert_inserts_first_and_updates_then,
    update_or_insert_with_makes_the_first_value_once,
    compute_has_five_outcomes,
    compute_names_the_stored_entries,
    compute_on_many_keys,
    retain_keeps_what_the_closure_wants,
    retain_asks_once_for_each_entry,
    retain_of_the_map_asks_once_for_each_entry,
    values_that_cannot_be_made_are_not_inserted,
);

fn update_replaces_the_value() {
    let map = Map::<u32, char>::default();
    let pinned = map.handle();
    assert_eq!(pinned.update(1, |_| panic!("there is nothing to update")), None);
    assert!(pinned.is_empty());
    pinned.insert(1, 'a');
    let before = pinned.get(&1).unwrap();
    let updated = pinned.update(1, |value| if *value == 'a' { 'b' } else { 'w' });
    assert_eq!(updated, Some(&'b'));
    assert_eq!((*before, *pinned.get(&1).unwrap()), ('a', 'b'));
    drop(pinned);
    finish(map);
}

fn update_or_insert_inserts_first_and_updates_then() {
    let map = Map::<u32, u32>::default();
    for round in 0..4 {
        for key in 0..300 {
            let value = *map.handle().update_or_insert(key, |value| value + 1, key * 100);
            assert_eq!(value, key * 100 + round);
        }
    }
    assert_eq!(map.len(), 300);
    finish(map);
}

fn update_or_insert_with_makes_the_first_value_once() {
    let map = Map::<u32, u32>::default();
    let mut made = 0;
    for key in (0..300).chain(0..300) {
        map.handle().update_or_insert_with(
            key,
            |value| value + 1,
            || {
                made += 1;
                0
            },
        );
    }
    assert_eq!(made, 300);
    assert!(map.handle().values().all(|value| *value == 1));
    finish(map);
}

fn compute_has_five_outcomes() {
    type Outcome<'p> = Compute<&'p char, &'p u32, &'static str>;
    let map = Map::<char, u32>::default();
    let pinned = map.handle();

    let absent: Outcome<'_> = pinned.compute('k', |_| Operation::Remove);
    assert_eq!(absent, Compute::Absent);
    let inserted: Outcome<'_> = pinned.compute('k', |entry| {
        assert_eq!(entry, None);
        Operation::Insert(1)
    });
    assert_eq!(inserted, Compute::Inserted(&'k', &1));
    let updated: Outcome<'_> = pinned.compute('k', |entry| {
        assert_eq!(entry, Some((&'k', &1)));
        Operation::Insert(2)
    });
    assert_eq!(updated, Compute::Updated { old: (&'k', &1), new: (&'k', &2) });
    let aborted = pinned.compute('k', |_| Operation::Abort("no"));
    assert_eq!(aborted, Compute::Aborted("no"));
    assert_eq!(pinned.get(&'k'), Some(&2));
    let removed: Outcome<'_> = pinned.compute('k', |_| Operation::Remove);
    assert_eq!(removed, Compute::Removed(&'k', &2));
    let aborted = pinned.compute('k', |entry| Operation::Abort(entry.map(|(_, value)| *value)));
    assert_eq!(aborted, Compute::Aborted(None));
    assert!(pinned.is_empty());

    // The outcomes are plain values.
    let (copy, operation) = (updated, Operation::<u32, ()>::Insert(1));
    assert_eq!((copy, operation), (updated, operation));
    assert_eq!(format!("{removed:?}"), "Removed('k', 2)");
    assert_eq!(format!("{operation:?}"), "Insert(1)");
    drop(pinned);
    finish(map);
}

fn compute_names_the_stored_entries() {
    let map = Map::<Marked, u32>::default();
    let pinned = map.handle();
    let insert =
        |mark, value| pinned.compute::<()>(marked(1, mark), move |_| Operation::Insert(value));
    let Compute::Inserted(key, value) = insert(10, 1) else { panic!("not inserted") };
    assert_eq!((key.mark, *value), (10, 1));
    let Compute::Updated { old, new } = insert(20, 2) else { panic!("not updated") };
    assert_eq!((old.0.mark, *old.1, new.0.mark, *new.1), (10, 1, 20, 2));
    if !<Map<Marked, u32>>::COPIES {
        assert!(std::ptr::eq(new.1, pinned.get(&marked(1, 0)).unwrap()));
        assert!(std::ptr::eq(old.1, value));
    }
    let removed = pinned.compute::<()>(marked(1, 30), |_| Operation::Remove);
    let Compute::Removed(key, value) = removed else { panic!("not removed") };
    assert_eq!((key.mark, *value), (20, 2));
}

fn compute_on_many_keys() {
    let map = Map::<u32, u32>::default();
    let mut model = BTreeMap::new();
    for step in 0..5_000_u32 {
        let key = step.wrapping_mul(2_654_435_761) >> 25;
        let decide = |value: Option<u32>| match (value, step % 3) {
            (Some(_), 0) => Operation::Remove,
            (Some(_), 1) => Operation::Abort(()),
            (value, _) => Operation::Insert(value.unwrap_or(step) + 1),
        };
        let decision = decide(model.get(&key).copied());
        map.handle().compute(key, |entry| decide(entry.map(|(_, value)| *value)));
        match decision {
            Operation::Insert(value) => _ = model.insert(key, value),
            Operation::Remove => _ = model.remove(&key),
            Operation::Abort(()) => {}
        }
    }
    assert_eq!(sorted(&map), model.into_iter().collect::<Vec<_>>());
    finish(map);
}

fn retain_keeps_what_the_closure_wants() {
    let map: Map<u32, u32> = (0..600).map(|key| (key, key * key)).collect();
    map.handle().retain(|key, value| {
        assert_eq!(key * key, *value);
        key % 3 == 0
    });
    let expected = (0..200).map(|key| (3 * key, 9 * key * key));
    assert_eq!(sorted(&map), expected.collect::<Vec<_>>());
    map.handle().retain(|_, _| true);
    assert_eq!(map.len(), 200);
    map.handle().retain(|_, _| false);
    assert!(map.is_empty());
    map.handle().retain(|_, _| panic!("there is nothing to ask about"));
    finish(map);
}

fn retain_asks_once_for_each_entry() {
    let map: Map<u32, ()> = (0..600).map(|key| (key, ())).collect();
    let mut asked = vec![0; 600];
    map.handle().retain(|key, ()| {
        asked[*key as usize] += 1;
        key % 5 != 0
    });
    assert!(asked.iter().all(|times| *times == 1), "{asked:?}");
    assert_eq!(map.len(), 480);
    finish(map);
}

/// In parts, each under a handle of its own. A part ends between two leaves of a trie, or two chunks of a table.
fn retain_of_the_map_asks_once_for_each_entry() {
    let keys = if Chosen::default() == Chosen::Constant { 600 } else { 5_000 };
    let map: Map<u32, ()> = (0..keys).map(|key| (key, ())).collect();
    let mut asked = vec![0; keys as usize];
    map.retain(|key, ()| {
        asked[*key as usize] += 1;
        key % 5 != 0
    });
    assert!(asked.iter().all(|times| *times == 1), "{asked:?}");
    assert_eq!(map.len() as u32, keys - keys / 5);
    map.retain(|_, ()| true);
    map.retain(|_, ()| false);
    assert!(map.is_empty());
    map.retain(|_, ()| panic!("there is nothing to ask about"));
    finish(map);
}

fn values_that_cannot_be_made_are_not_inserted() {
    let map = Map::<u32, u32>::default();
    let pinned = map.handle();
    for key in 0..300 {
        assert_eq!(pinned.get_or_try_insert_with(key, || Err("no")), Err("no"));
        assert_eq!(pinned.get(&key), None);
        assert_eq!(pinned.get_or_try_insert_with(key, || Ok::<_, &str>(key)), Ok(&key));
        assert_eq!(pinned.get_or_try_insert_with(key, || Err("no")), Ok(&key));
    }
    drop(pinned);
    finish(map);
}
