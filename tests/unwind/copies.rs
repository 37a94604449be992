//! Panics in `Hash`, `Eq` and closures of a map that keeps its entries inline: at the n-th call, for every n.

use super::{TouchyMap, values_mut};
use crate::support::hooks::{CopyTouchy, Event, Eventful, arm, disarm};
use crate::support::script::{ABSENT, Op, PRESENT, all_operations, model_of, touchy_map};
use crate::support::{
    Chosen, Ledger, Tested, calls, catch, finish, is_on_purpose, one_in, over_hashers, verify,
    with_and_without_version,
};

over_hashers!(any_call_within_any_operation_may_panic, values_change_in_place_in_what_a_panic_left);

/// A panic at one call within one operation.
#[derive(Clone, Copy, Debug)]
struct Scene {
    op: Op,
    event: Event,
    size: u32,
    after_snapshot: bool,
}

impl Scene {
    /// The operation does not take effect, or it does if that was a hash while entries were moved; and
    /// the map goes on. Returns whether the panic happened.
    fn survives(self, spared: u32) -> bool {
        let ledger = Ledger::new();
        let (map, before) = touchy_map::<TouchyMap>(self.size, ledger);
        let version = self.after_snapshot.then(|| map.version());
        arm(self.event, spared);
        let result = catch(|| self.op.run(&map, ledger));
        let blown = !disarm();
        let mut after = before.clone();
        let expected = self.op.run_on_model(&mut after);
        let mut real = model_of(&map.handle());
        match result {
            Ok(found) => assert_eq!((blown, found, &real), (false, expected, &after), "{self:?}"),
            Err(payload) => {
                assert!(blown && is_on_purpose(&*payload), "{self:?}: another panic");
                let may_be_done = self.event == Event::Hash;
                let is_whole = real == before || may_be_done && real == after;
                assert!(is_whole, "{self:?}: {real:?} after {before:?}");
            }
        }
        verify(&map);
        for op in [Op::Insert(PRESENT), Op::UpdateOrInsert(ABSENT), Op::Remove(PRESENT), self.op] {
            assert_eq!(op.run(&map, ledger), op.run_on_model(&mut real), "{self:?}");
            assert_eq!(model_of(&map.handle()), real, "{self:?}");
        }
        verify(&map);
        assert!(version.is_none_or(|version| model_of(TouchyMap::entries(&version)) == before));
        blown
    }
}

fn any_call_within_any_operation_may_panic() {
    let mut while_moving = 0;
    let large = if Chosen::default() == Chosen::Constant { 20 } else { 180 };
    for op in all_operations::<TouchyMap>() {
        for event in [Event::Hash, Event::Eq, Event::Closure] {
            // Of six a trie has a full leaf.
            for size in [0, 2, 4, 6, 30, large] {
                for &after_snapshot in with_and_without_version::<TouchyMap>() {
                    let scene = Scene { op, event, size, after_snapshot };
                    let last = calls().take_while(|spared| scene.survives(*spared)).last();
                    let times = last.map_or(0, |spared| spared + 1);
                    // The first is that of the operation's own key.
                    while_moving += if event == Event::Hash { times.saturating_sub(1) } else { 0 };
                }
            }
        }
    }
    let least = if TouchyMap::VERSIONS { 51 } else { 21 };
    assert!(while_moving >= least, "{while_moving} panics while entries were moved");
}

/// A node that a panic left frozen is still the current one, and what changes in it is moved later.
fn values_change_in_place_in_what_a_panic_left() {
    let ledger = Ledger::new();
    let key = |tag| CopyTouchy::make(ledger, tag);
    let (first, last) = if Chosen::default() == Chosen::Constant { (10, 40) } else { (60, 500) };
    let mut panics = 0;
    for spared in (0..2 * last as u32).step_by(one_in(9)) {
        let mut map = TouchyMap::default();
        (0..first).for_each(|tag| _ = map.insert(key(tag), tag as u32));
        arm(Event::Hash, spared);
        let filled = catch(|| (first..last).for_each(|tag| _ = map.insert(key(tag), tag as u32)));
        disarm();
        panics += u32::from(filled.is_err());
        values_mut(&mut map).for_each(|value| *value += 10_000);
        let changed = map.len() as u64;
        assert!(map.iter().all(|(key, value)| u64::from(value) == key.tag() + 10_000));
        (changed..2 * last).for_each(|tag| _ = map.insert(key(tag), tag as u32 + 10_000));
        assert!((0..changed).all(|tag| map.get(&key(tag)) == Some(tag as u32 + 10_000)));
        assert!(map.iter().all(|(key, value)| u64::from(value) == key.tag() + 10_000));
        assert_eq!(map.len() as u64, 2 * last);
        finish(map);
    }
    assert!(panics > 2, "{panics} panics");
}
