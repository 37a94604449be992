//! Panics of keys and functions, in batches, in writers, and while these are dropped.

use std::cell::Cell;
use std::collections::BTreeMap;

use snaptrie::mode::Writable;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap, Writer};

use crate::support::hooks::{CopyTouchy, Event, Eventful, Touchy, arm, disarm, happens};
use crate::support::{
    Chosen, Counted, Handle, Ledger, Tested, catch, is_on_purpose, panics, verify,
};

/// A map with keys at whose hashing and comparison things happen.
trait Events:
    Tested<Key: Eventful, Value = u64, Hasher = Chosen>
    + Writable<Key = <Self as Tested>::Key, Value = u64>
    + FromIterator<(<Self as Tested>::Key, u64)>
    + Default
{
}
impl<M, K: Eventful> Events for M where
    M: Tested<Key = K, Value = u64, Hasher = Chosen>
        + Writable<Key = K, Value = u64>
        + FromIterator<(K, u64)>
        + Default
{
}

type Model = BTreeMap<u64, u64>;

fn model_of<M: Events>(map: &M) -> Model {
    map.handle().iter().map(|(key, value)| (key.tag(), *value)).collect()
}

fn each(body: impl Fn()) {
    [Chosen::Good, Chosen::Constant].into_iter().for_each(|hash| hash.during(&body));
}

macro_rules! over_maps {
    ($($body:ident),* $(,)?) => {
        $(
            mod $body {
                use super::*;

                #[test]
                fn trie() {
                    each(|| super::$body::<TrieMap<Touchy, u64, Chosen>>());
                }

                #[test]
                fn trie_of_copies() {
                    each(|| super::$body::<CopyTrieMap<CopyTouchy, u64, Chosen>>());
                }

                #[test]
                fn table() {
                    each(|| super::$body::<FlatMap<Touchy, u64, Chosen>>());
                }

                #[test]
                fn table_of_copies() {
                    each(|| super::$body::<CopyFlatMap<CopyTouchy, u64, Chosen>>());
                }
            }
        )*
    };
}

over_maps!(a_writer_loses_one_change_at_most, a_batch_stops_where_it_is, collecting_may_panic);

const CALLS: u64 = 100;

/// How many calls are spared more each time: with one hash for all keys there are many.
fn step(step: usize) -> usize {
    if Chosen::default() == Chosen::Constant { 101 * step } else { step }
}

fn update(value: &u64) -> u64 {
    happens(Event::Closure);
    value + 1_000
}

fn merge(one: &u64, other: &u64) -> u64 {
    happens(Event::Closure);
    one + other
}

/// A change of a key of its own, of some kind.
fn call<M: Events>(writer: &mut Writer<'_, M>, ledger: Ledger, index: u64) {
    let key = <M as Tested>::Key::make(ledger, index);
    match index % 6 {
        0 => writer.insert(key, index),
        1 => writer.update(key, update),
        2 => writer.update_or_insert(key, update, index),
        3 => writer.merge(key, index, merge),
        4 => writer.add(key, index),
        _ => writer.remove(key),
    }
}

/// What becomes of a key by that.
fn effect(index: u64) -> Option<u64> {
    match index % 6 {
        0 => Some(index),
        1 | 2 => Some(index + 2_000),
        3 | 4 => Some(2 * index + 1_000),
        _ => None,
    }
}

fn a_writer_loses_one_change_at_most<M: Events>() {
    for event in [Event::Hash, Event::Eq, Event::Closure, Event::Drop] {
        for spared in (0..).step_by(step(7)) {
            let ledger = Ledger::new();
            let map: M =
                (0..CALLS).map(|i| (<M as Tested>::Key::make(ledger, i), i + 1_000)).collect();
            let before = model_of(&map);
            let mut writer = map.writer();
            arm(event, spared);
            let mut caught = 0;
            for index in 0..CALLS {
                caught += usize::from(panics(|| call(&mut writer, ledger, index)));
            }
            caught += usize::from(panics(|| drop(writer)));
            let blown = !disarm();
            if !blown {
                assert_eq!(caught, 0);
            }
            let after = model_of(&map);
            let lost = (0..CALLS).filter(|index| after.get(index).copied() != effect(*index));
            let lost: Vec<u64> = lost.collect();
            if event == Event::Drop {
                // A key is dropped when its change is done, or much later.
                assert!(lost.is_empty() && caught <= 1, "{lost:?}");
            } else {
                // A leaf that is rebuilt hashes other keys, and the operation may be done by then.
                assert!(lost.len() <= caught && caught <= 1, "{event:?} {spared}: {lost:?}");
            }
            assert!(lost.iter().all(|index| after.get(index) == before.get(index)));
            verify(&map);
            drop(map);
            assert_eq!(ledger.live(), 0);
            if !blown {
                break;
            }
        }
    }
}

fn a_batch_stops_where_it_is<M: Events>() {
    for event in [Event::Eq, Event::Closure] {
        for spared in (0..).step_by(step(5)) {
            let ledger = Ledger::new();
            let key = |i| <M as Tested>::Key::make(ledger, i);
            let map: M = (0..CALLS).map(|i| (key(i), 0)).collect();
            let (done, begun) = (Cell::new(0), Cell::new(0));
            let updates = (0..CALLS).inspect(|i| begun.set(i + 1)).map(|i| (key(i), i + 1));
            arm(event, spared);
            let result = catch(|| {
                map.handle().update_many(updates, |_, new| {
                    happens(Event::Closure);
                    done.set(*new);
                    *new
                })
            });
            let blown = !disarm();
            assert_eq!(result.is_err(), blown);
            if !blown {
                assert_eq!(result.ok(), Some(CALLS as usize));
                break;
            }
            // All up to one key, and none that came after; up to 31 of those were taken.
            let after = model_of(&map);
            let changed = (0..CALLS).take_while(|i| after[i] == i + 1).count() as u64;
            assert!((changed..CALLS).all(|i| after[&i] == 0));
            assert!(done.get() <= changed + 1 && begun.get() <= (changed / 32 + 1) * 32);
            verify(&map);
            drop(map);
            assert_eq!(ledger.live(), 0);
        }
    }
}

fn collecting_may_panic<M: Events>() {
    for event in [Event::Hash, Event::Eq, Event::Drop] {
        for spared in (0..).step_by(step(11)) {
            let ledger = Ledger::new();
            let key = |i| <M as Tested>::Key::make(ledger, i % 70);
            arm(event, spared);
            let result = catch(|| (0..CALLS).map(|i| (key(i), i)).collect::<M>());
            let blown = !disarm();
            match result {
                Ok(map) => {
                    assert!(!blown || event == Event::Drop);
                    let expected = (0..CALLS).map(|i| (i % 70, i)).collect::<Model>();
                    assert_eq!(model_of(&map), expected);
                    verify(&map);
                    drop(map);
                }
                Err(panic) => assert!(blown && is_on_purpose(&*panic)),
            }
            assert_eq!(ledger.live(), 0, "{event:?} {spared}");
            if !blown {
                break;
            }
        }
    }
}

/// Drops of writers while the thread unwinds do what is queued, and abort nothing.
#[test]
fn a_writer_that_is_dropped_by_a_panic_loses_nothing() {
    let ledger = Ledger::new();
    let map = TrieMap::<Counted, u64>::new();
    assert!(panics(|| {
        let mut writer = map.writer();
        for tag in 0..20 {
            writer.insert(ledger.make(tag), tag);
        }
        arm(Event::Closure, 0);
        writer.merge(ledger.make(3), 1, merge);
        writer.insert(ledger.make(20), 20);
        crate::support::panic_on_purpose(1);
    }));
    assert!(!disarm());
    assert_eq!(map.len(), 21);
    assert_eq!(map.pin()[&ledger.make(3)], 3);
    drop(map);
    assert_eq!(ledger.live(), 0);
}
