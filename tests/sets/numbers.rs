//! What all kinds of set do with numbers. Compiled for each of them.

use std::sync::Barrier;
use std::thread;

use super::Set;
use crate::support::{over_hashers, plain, sort, verify};

over_hashers!(many_at_once, the_traits_of_a_collection, one_of_many_inserts_wins);

fn many_at_once() {
    let set = Set::<u32>::default();
    assert_eq!(set.pin().insert_many((0..100).chain(50..150)), 150);
    let pinned = set.pin();
    let found: Vec<bool> = pinned.contains_many(&[149, 150, 0]).collect();
    assert_eq!(found, [true, false, true]);
    verify(set.as_map());
}

fn the_traits_of_a_collection() {
    let mut set: Set<u32> = [1, 2].into_iter().collect();
    set.extend(&[2, 3]);
    (&set).extend(&[4]);
    assert_eq!(set, (1..5).collect());
    assert_ne!(set, (1..4).collect());
    assert_ne!(set, (2..6).collect());
    assert_eq!(sort((&set.pin()).into_iter().map(plain::<u32>)), [1, 2, 3, 4]);
    let one: Set<u32> = [1].into_iter().collect();
    assert_eq!((format!("{one:?}"), format!("{:?}", one.pin())), ("{1}".into(), "{1}".into()));
}

fn one_of_many_inserts_wins() {
    const THREADS: usize = 4;
    const ELEMENTS: u32 = 300;
    let set = Set::<u32>::default();
    let start = Barrier::new(THREADS);
    let insert_all = || {
        start.wait();
        (0..ELEMENTS).filter(|element| set.pin().insert(*element)).count()
    };
    let won: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(insert_all)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((won, set.len()), (ELEMENTS as usize, ELEMENTS as usize));
    verify(set.as_map());
}
