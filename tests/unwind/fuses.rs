//! Panics in `Hash`, `Eq`, closures and destructors of keys: at the n-th call, for every n.

use std::collections::BTreeMap;

use super::Map;
use crate::support::hooks::{Event, Touchy, arm, disarm, happens};
use crate::support::script::{ABSENT, Model, Op, PRESENT, all_operations, model_of, touchy_map};
use crate::support::{
    Chosen, Ledger, Tested, calls, catch, is_on_purpose, over_hashers, panics, verify,
    with_and_without_version,
};

over_hashers!(
    any_call_of_any_operation_may_panic,
    retain_may_panic_at_any_call,
    collecting_may_panic_at_any_call,
    comparing_may_panic,
    one_in_five_hashes_panics,
    panics_while_the_map_grows_and_shrinks,
);

type TouchyMap = Map<Touchy, u32>;

/// Sizes of maps at which the nodes differ.
fn sizes() -> [u32; 5] {
    // Each comparison along a chain is a call that may panic.
    let large = if Chosen::default() == Chosen::Constant { 20 } else { 180 };
    [0, 2, 4, 30, large]
}

/// A panic at one call within one operation.
#[derive(Clone, Copy, Debug)]
struct Scene {
    op: Op,
    event: Event,
    spared: u32,
    size: u32,
    after_snapshot: bool,
}

impl Scene {
    /// Returns whether the panic happened: whether there are enough calls.
    fn run(self) -> bool {
        let ledger = Ledger::new();
        let (map, model) = touchy_map::<TouchyMap>(self.size, ledger);
        let version = self.after_snapshot.then(|| map.version());
        arm(self.event, self.spared);
        let result = catch(|| self.op.run(&map, ledger));
        let blown = !disarm();
        let mut after = model.clone();
        let expected = self.op.run_on_model(&mut after);
        let real = model_of(&map.handle());
        match result {
            Ok(found) => {
                // A destructor may have panicked where the map catches it.
                assert!(!blown || self.event == Event::Drop, "{self:?}: swallowed");
                assert_eq!((found, &real), (expected, &after), "{self:?}");
            }
            Err(payload) => {
                assert!(blown && is_on_purpose(&*payload), "{self:?}: another panic");
                // The arguments are dropped once the operation is done, or has failed.
                let done = self.event == Event::Drop && real == after;
                assert!(done || real == model, "{self:?}: {real:?} after {model:?}");
            }
        }
        self.go_on(map, version, &model, ledger);
        blown
    }

    /// The map can be used as if nothing had happened.
    fn go_on(
        self,
        map: TouchyMap,
        version: Option<<TouchyMap as Tested>::Version>,
        before: &Model,
        ledger: Ledger,
    ) {
        verify(&map);
        let mut model = model_of(&map.handle());
        let later = [Op::Insert(PRESENT), Op::UpdateOrInsert(ABSENT), Op::Remove(PRESENT)];
        for op in later.into_iter().chain([self.op]) {
            assert_eq!(op.run(&map, ledger), op.run_on_model(&mut model), "{self:?}");
            assert_eq!(model_of(&map.handle()), model, "{self:?}");
        }
        verify(&map);
        let holds = |version| model_of(TouchyMap::entries(version)) == *before;
        assert!(version.as_ref().is_none_or(holds));
        drop(map);
        drop(version);
        assert_eq!(ledger.live(), 0, "{self:?}: leaked {:?}", ledger.tags());
    }
}

fn any_call_of_any_operation_may_panic() {
    let mut blown = BTreeMap::<String, usize>::new();
    for op in all_operations::<TouchyMap>() {
        for event in [Event::Hash, Event::Eq, Event::Closure, Event::Drop] {
            for size in sizes() {
                for &after_snapshot in with_and_without_version::<TouchyMap>() {
                    let at = |spared| Scene { op, event, spared, size, after_snapshot };
                    let last = calls().take_while(|spared| at(*spared).run()).last();
                    let times = last.map_or(0, |spared| spared as usize + 1);
                    *blown.entry(format!("{event:?}")).or_default() += times;
                }
            }
        }
    }
    // The fuses were in the right places.
    let least = 25 * with_and_without_version::<TouchyMap>().len();
    assert!(blown.values().all(|times| *times > least), "{blown:?}");
}

fn retain_may_panic_at_any_call() {
    for event in [Event::Hash, Event::Eq, Event::Closure] {
        let both = with_and_without_version::<TouchyMap>();
        for (size, after_snapshot) in
            sizes().into_iter().flat_map(|size| both.iter().map(move |after| (size, *after)))
        {
            for spared in calls() {
                let ledger = Ledger::new();
                let (map, model) = touchy_map::<TouchyMap>(size, ledger);
                let version = after_snapshot.then(|| map.version());
                arm(event, spared);
                let panicked = panics(|| _ = Op::Retain.run(&map, ledger));
                assert_eq!(panicked, !disarm());
                let left = model_of(&map.handle());
                let wanted: Model =
                    model.clone().into_iter().filter(|(key, _)| key % 2 == 0).collect();
                assert!(left.iter().all(|(key, value)| model[key] == *value));
                assert!(wanted.keys().all(|key| left.contains_key(key)), "lost what it keeps");
                assert!(panicked || left == wanted);
                verify(&map);
                Op::Retain.run(&map, ledger);
                assert_eq!(model_of(&map.handle()), wanted);
                assert!(version.is_none_or(|v| model_of(TouchyMap::entries(&v)) == model));
                drop(map);
                assert_eq!(ledger.live(), 0);
                if !panicked {
                    break;
                }
            }
        }
    }
}

fn collecting_may_panic_at_any_call() {
    for event in [Event::Hash, Event::Eq, Event::Closure, Event::Drop] {
        for spared in calls() {
            let ledger = Ledger::new();
            let map = Map::default();
            arm(event, spared);
            let entries = (0..60).map(|i| {
                happens(Event::Closure);
                (Touchy(ledger.make(i % 40)), i as u32)
            });
            let panicked = panics(|| (&mut &map).extend(entries));
            let whole = disarm();
            assert!(panicked || whole || event == Event::Drop);
            verify(&map);
            let model = model_of(&map.handle());
            assert!(model.iter().all(|(key, value)| value % 40 == *key));
            assert!(panicked || model.len() == 40);
            drop(map);
            assert_eq!(ledger.live(), 0);
            if whole {
                break;
            }
            // A map that is made from entries is dropped with the panic.
            arm(event, spared);
            let entries = (0..60).map(|i| (Touchy(ledger.make(i % 40)), i as u32));
            let _ = catch(|| entries.collect::<TouchyMap>());
            disarm();
            assert_eq!(ledger.live(), 0);
        }
    }
}

fn comparing_may_panic() {
    let ledger = Ledger::new();
    let (one, two) = (Map::<u64, Touchy>::default(), Map::<u64, Touchy>::default());
    for key in 0..30 {
        one.handle().insert(key, Touchy(ledger.make(key)));
        two.handle().insert(key, Touchy(ledger.make(key)));
    }
    for spared in 0..30 {
        arm(Event::Eq, spared);
        assert!(panics(|| assert!(one == two)) && !disarm());
    }
    assert!(one == two);
    verify(&one);
    drop((one, two));
    assert_eq!(ledger.live(), 0);
}

fn one_in_five_hashes_panics() {
    let ledger = Ledger::new();
    let map = TouchyMap::default();
    for i in 0..500 {
        arm(Event::Hash, u32::from(i % 5 != 0));
        let key = Touchy(ledger.make(i));
        assert_eq!(panics(|| _ = map.handle().insert(key, i as u32)), i % 5 == 0);
        disarm();
    }
    assert_eq!(map.len(), 400);
    verify(&map);
    drop(map);
    assert_eq!(ledger.live(), 0);
}

fn panics_while_the_map_grows_and_shrinks() {
    for event in [Event::Hash, Event::Eq] {
        let ledger = Ledger::new();
        let map = TouchyMap::default();
        let mut model = Model::new();
        let mut failed = 0;
        for step in 0..1_500_u32 {
            let key = step.wrapping_mul(2_654_435_761) >> 24;
            let op = match step / 150 % 4 {
                0 | 1 => Op::Insert(key),
                2 => Op::Remove(key),
                _ => Op::UpdateOrInsert(key),
            };
            if step % 100 == 50 {
                drop(map.version());
            }
            arm(event, step % 4);
            match catch(|| op.run(&map, ledger)) {
                Ok(found) => assert_eq!(found, op.run_on_model(&mut model)),
                Err(_) => failed += 1,
            }
            disarm();
        }
        assert!(failed > 100);
        assert_eq!(model_of(&map.handle()), model);
        verify(&map);
        drop(map);
        assert_eq!(ledger.live(), 0);
    }
}
