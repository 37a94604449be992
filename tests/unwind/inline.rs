//! Panics of the hasher of a `TrieMap` with its entries inline, which hashes keys anew when it moves
//! them.

use snaptrie::CopyTrieMap;

use crate::support::hooks::{CopyTouchy, Event, arm, disarm};
use crate::support::script::{ABSENT, Op, PRESENT, all_operations, model_of, touchy_map};
use crate::support::{Chosen, Ledger, Tested, catch, is_on_purpose, over_hashers, verify};

over_hashers!(any_hash_within_any_operation_may_panic);

type TouchyMap = CopyTrieMap<CopyTouchy, u32, Chosen>;

/// A panic at one hash within one operation: it takes effect or not, and the map goes on. Returns
/// whether the panic happened.
fn survives(op: Op, spared: u32, size: u32, after_snapshot: bool) -> bool {
    let scene = (op, spared, size, after_snapshot);
    let ledger = Ledger::new();
    let (map, before) = touchy_map::<TouchyMap>(size, ledger);
    let version = after_snapshot.then(|| map.version());
    arm(Event::Hash, spared);
    let result = catch(|| op.run(&map, ledger));
    let blown = !disarm();
    let mut after = before.clone();
    let expected = op.run_on_model(&mut after);
    let mut real = model_of(&map.pin());
    match result {
        Ok(found) => assert_eq!((blown, found, &real), (false, expected, &after), "{scene:?}"),
        Err(payload) => {
            assert!(blown && is_on_purpose(&*payload), "{scene:?}: another panic");
            assert!(real == before || real == after, "{scene:?}: {real:?} after {before:?}");
        }
    }
    verify(&map);
    for op in [Op::Insert(PRESENT), Op::UpdateOrInsert(ABSENT), Op::Remove(PRESENT), op] {
        assert_eq!(op.run(&map, ledger), op.run_on_model(&mut real), "{scene:?}");
        assert_eq!(model_of(&map.pin()), real, "{scene:?}");
    }
    verify(&map);
    assert!(version.is_none_or(|version| model_of(TouchyMap::entries(&version)) == before));
    blown
}

fn any_hash_within_any_operation_may_panic() {
    let mut while_moving = 0;
    let large = if Chosen::default() == Chosen::Constant { 20 } else { 180 };
    for op in all_operations::<TouchyMap>() {
        for size in [0, 2, 4, 30, large] {
            for after_snapshot in [false, true] {
                let at = |spared: &u32| survives(op, *spared, size, after_snapshot);
                let times = (0..).take_while(at).count();
                // The first is that of the operation's own key.
                while_moving += times.saturating_sub(1);
            }
        }
    }
    assert!(while_moving > 50, "{while_moving} panics while entries were moved");
}
