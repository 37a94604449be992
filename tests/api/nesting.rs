//! Every operation inside every other: what the inner one does happens between two steps of the
//! outer one.
//!
//! So one thread drives the engine through the races of two, one schedule at a time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::{Map, TouchyKey};
use crate::support::hooks::{Event, hook, unhook};
use crate::support::script::{
    Found, Model, Op, all_operations, model_of, some_operations, touchy_map,
};
use crate::support::{
    Chosen, Ledger, Numbers, Tested, one_in, over_hashers, verify, watched,
    with_and_without_version,
};

over_hashers!(an_operation_within_an_operation);

type TouchyMap = Map<TouchyKey, u32>;

/// One operation inside another: where, and in what map.
#[derive(Clone, Copy, Debug)]
struct Nesting {
    outer: Op,
    inner: Op,
    event: Event,
    spared: u32,
    size: u32,
    after_snapshot: bool,
}

impl Nesting {
    /// Returns whether the inner operation happened: whether there are enough events.
    fn run(self) -> bool {
        let ledger = Ledger::new();
        let (map, model) = touchy_map::<TouchyMap>(self.size, ledger);
        let map = Arc::new(map);
        let version = self.after_snapshot.then(|| map.version());
        let pinned = map.handle();
        let mut iter = pinned.iter();
        let _held = iter.next();

        let found_inside = Rc::new(RefCell::new(None));
        let (there, tell) = (Arc::clone(&map), Rc::clone(&found_inside));
        hook(self.event, self.spared, move || {
            let found = self.inner.run(&*there, ledger);
            *tell.borrow_mut() = Some(found);
        });
        let found = self.outer.run(&*map, ledger);
        let happened = unhook();

        let found_inside = found_inside.take();
        assert_eq!(happened, found_inside.is_some());
        self.judge(&model, found, found_inside, model_of(&pinned));
        assert!(version.is_none_or(|version| model_of(TouchyMap::entries(&version)) == model));
        iter.for_each(drop);
        drop(pinned);
        verify(&*map);
        drop(map);
        assert_eq!(ledger.live(), 0, "{self:?}");
        happened
    }

    /// The two must look as if one had come after the other.
    fn judge(self, start: &Model, outside: Found, inside: Option<Found>, end: Model) {
        let (mut outer_first, mut inner_first) = (start.clone(), start.clone());
        let one = self.outer.run_on_model(&mut outer_first);
        let Some(inside) = inside else {
            assert_eq!((&outside, &end), (&one, &outer_first), "{self:?}");
            return;
        };
        let one = (one, self.inner.run_on_model(&mut outer_first), outer_first);
        let inner = self.inner.run_on_model(&mut inner_first);
        let two = (self.outer.run_on_model(&mut inner_first), inner, inner_first);
        let real = (outside, inside, end);
        assert!(real == one || real == two, "{self:?}: {real:?}, and not {one:?} or {two:?}");
    }
}

/// Operations, events within them, and maps. The inner operations and places are still to be chosen.
fn scenes() -> impl Iterator<Item = Nesting> {
    let events = [Event::Hash, Event::Eq, Event::Closure, Event::Drop];
    // A long chain of equal hashes takes long to make, and one is as good as another.
    let large = if Chosen::default() == Chosen::Constant { 20 } else { 180 };
    let maps = with_and_without_version::<TouchyMap>().iter().flat_map(move |after_snapshot| {
        [0, 1, 4, 13, 30, large].map(|size| (size, *after_snapshot))
    });
    all_operations::<TouchyMap>().flat_map(move |outer| {
        let maps = maps.clone();
        events.into_iter().flat_map(move |event| {
            maps.clone().map(move |(size, after_snapshot)| {
                let (inner, spared) = (outer, 0);
                Nesting { outer, inner, event, spared, size, after_snapshot }
            })
        })
    })
}

fn an_operation_within_an_operation() {
    watched(|| {
        let (inner, mut numbers) = (Vec::from_iter(some_operations::<TouchyMap>()), Numbers(1));
        for scene in scenes() {
            // Large maps take long to make.
            let step = one_in(if scene.size < 30 { 8 } else { 12 });
            (0..5)
                .take_while(|&spared| {
                    let mut some = inner.iter().skip(numbers.below(step)).step_by(step);
                    // Whether there are that many events is the same for all inner operations.
                    some.all(|&inner| Nesting { inner, spared, ..scene }.run())
                })
                .for_each(drop);
        }
    });
}
