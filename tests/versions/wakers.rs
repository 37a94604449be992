//! Hashers and wakers that publish: no lock is held while they run.
#![expect(unsafe_code, reason = "a waker that runs code when it is cloned")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use snaptrie::{Newer, Published, TrieMap};

use crate::support::hooks::{Event, TouchyHasher, happens, hook, unhook};
use crate::support::{Tested, watched};

const VTABLE: RawWakerVTable = RawWakerVTable::new(
    |_| {
        happens(Event::Clone);
        RawWaker::new(ptr::null(), &VTABLE)
    },
    |_| {
        happens(Event::Closure);
        happens(Event::Drop);
    },
    |_| happens(Event::Closure),
    |_| happens(Event::Drop),
);

/// A waker at whose cloning, waking and drop things happen. To wake it is [`Event::Closure`].
fn touchy_waker() -> Waker {
    // SAFETY:
    // - there is no data, so the functions may be called from any thread, at any time.
    unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &VTABLE)) }
}

/// A map and what is published of it.
struct Pair {
    map: TrieMap<u64, u64, TouchyHasher>,
    published: Published<u64, u64, TouchyHasher>,
}

impl Pair {
    fn new() -> Arc<Self> {
        let map = TrieMap::from_iter([(0, 0)]);
        let published = Published::new(map.snapshot());
        Arc::new(Self { map, published })
    }

    fn publish(&self) {
        self.map.handle().update(0, |value| value + 1);
        assert!(self.published.publish(self.map.snapshot()));
    }

    /// Publishes at an event on this thread.
    fn publish_at(self: &Arc<Self>, event: Event) {
        let pair = Arc::clone(self);
        hook(event, 0, move || pair.publish());
    }
}

#[test]
fn a_hasher_may_publish_when_it_is_cloned_for_a_waiting_future() {
    watched(|| {
        let pair = Pair::new();
        let waker = touchy_waker();
        let mut newer = pin!(pair.published.newer_than(pair.published.load().generation()));
        // At the clone of the waker, the first version comes. At that of its hasher, the second.
        let publishes = Arc::clone(&pair);
        hook(Event::Clone, 0, move || {
            publishes.publish();
            publishes.publish_at(Event::Clone);
        });
        let Poll::Ready(view) = newer.as_mut().poll(&mut Context::from_waker(&waker)) else {
            panic!("a version is there")
        };
        assert!(unhook());
        assert_eq!((view[&0], pair.published.load()[&0]), (1, 2));
    });
}

#[test]
fn a_waker_may_publish_when_it_is_cloned_woken_and_dropped() {
    watched(|| {
        let (first, second) = (touchy_waker(), touchy_waker());
        let (pair, seen) = (Pair::new(), |pair: &Pair| pair.published.load().generation());
        let newer = || Box::pin(pair.published.newer_than(seen(&pair)));
        let poll = |newer: &mut Pin<Box<Newer<'_, u64, u64, TouchyHasher>>>, waker| {
            newer.as_mut().poll(&mut Context::from_waker(waker))
        };

        let mut waits = newer();
        pair.publish_at(Event::Clone);
        assert!(poll(&mut waits, &first).is_ready() && unhook());

        let mut waits = newer();
        assert!(poll(&mut waits, &first).is_pending());
        pair.publish_at(Event::Closure);
        pair.publish();
        assert!(poll(&mut waits, &first).is_ready() && unhook());

        let mut waits = newer();
        assert!(poll(&mut waits, &first).is_pending());
        pair.publish_at(Event::Drop);
        // Takes the place of the first one, which is dropped.
        let _ = poll(&mut waits, &second);
        assert!(unhook());

        let mut waits = newer();
        assert!(poll(&mut waits, &first).is_pending());
        pair.publish_at(Event::Drop);
        drop(waits);
        assert!(unhook());
        assert_eq!(pair.published.load()[&0], 5);
    });
}
