//! Unit tests of a bucket and its spill bucket.
#![cfg(not(shuttle))]
#![expect(unsafe_code, reason = "a bucket in memory of its own")]

use super::*;

/// A slot of one word: six of them in a bucket, one of which stays free.
impl Slot for u64 {
    type Cell = AtomicU64;
    const FILL: usize = 67;

    fn read(cell: &AtomicU64) -> u64 {
        cell.load(Ordering::Relaxed)
    }

    fn write(cell: &AtomicU64, value: u64) {
        cell.store(value, Ordering::Release);
    }
}

const SLOTS: u64 = Geometry::<u64>::SLOTS as u64;

/// A bucket and a spill bucket.
#[repr(align(64))]
struct Memory([AtomicU64; 16]);

impl Memory {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 16])
    }

    fn starts(&self) -> (NonNull<u8>, NonNull<u8>) {
        assert_eq!(Geometry::<u64>::BYTES, 64);
        (NonNull::from(&self.0[0]).cast(), NonNull::from(&self.0[8]).cast())
    }

    fn bucket(&self) -> Bucket<'_, u64> {
        let (start, spills) = self.starts();
        // SAFETY:
        // - initialized, as zeros are an empty bucket; one spill bucket, and no test links another.
        unsafe { Bucket::new(start, spills) }
    }

    fn draft(&mut self) -> Draft<u64> {
        let start = NonNull::from(&mut self.0).cast::<u8>();
        // SAFETY:
        // - in bounds of 16 words, of which the second half is the spill bucket.
        let spills = unsafe { start.add(64) };
        // SAFETY:
        // - initialized, as zeros are an empty bucket; borrowed mutably when this was made, and no test uses it later.
        unsafe { Draft::new(start, spills) }
    }

    fn load(&self) -> Seen<'_, u64> {
        self.bucket().load()
    }

    /// With entries 1 to `count`, as many of them in the bucket itself as have room.
    fn filled(count: u64) -> Self {
        let mut memory = Self::new();
        for entry in 1..=count {
            let mut draft = memory.draft();
            let pushed =
                draft.push(entry, entry).or_else(|_| draft.push_spilled(entry, entry, || Some(0)));
            assert_eq!(pushed, Ok(()));
        }
        memory
    }

    /// The hit of an entry, whose hash it is.
    fn hit(&self, entry: u64) -> Hit<'_, u64> {
        match self.load().find(entry, |slot| *slot == entry) {
            Search::Found(hit) => hit,
            _ => panic!("no entry {entry}"),
        }
    }

    fn put(&self, entry: u64) -> bool {
        let seen = self.load();
        seen.room_at_home(None).is_some_and(|room| seen.put(room, entry, entry, None).is_some())
    }
}

fn entries(seen: Seen<'_, u64>) -> Vec<u64> {
    seen.contents().expect("a bucket that does not change").map(|slot| slot.now).collect()
}

#[test]
fn a_state_tells_what_holds_in_it() {
    let memory = Memory::new();
    let empty = memory.load();
    assert!(empty.is_empty() && empty.is_open() && !empty.is_busy() && !empty.is_frozen());
    assert!(memory.put(1));
    let one = memory.load();
    assert!(!one.is_empty() && one.is_open() && one.count() == 1);
    assert!(one.is_version_of(one) && !one.is_version_of(empty));
    memory.0[0].fetch_or(BUSY, Ordering::Relaxed);
    let claimed = memory.load();
    assert!(claimed.is_busy() && !claimed.is_open() && !claimed.is_frozen());
    assert!(claimed.is_version_of(one), "a claim is no version");
    let claimed = memory.0[0].load(Ordering::Relaxed);
    memory.0[0].store(claimed & !BUSY, Ordering::Relaxed);
    let frozen = memory.bucket().observe();
    assert!(frozen.is_frozen() && !frozen.is_open() && !frozen.is_busy());
    assert_eq!(entries(frozen), [1]);
}

#[test]
fn what_was_read_before_a_change_is_not_current() {
    let memory = Memory::filled(2);
    let before = memory.load();
    assert!(matches!(before.find(9, |_| false), Search::Absent));
    assert_eq!(entries(before), [1, 2]);
    let after = before.remove(memory.hit(1)).expect("no other writer");
    assert!(matches!(before.find(9, |_| false), Search::Changed));
    assert!(matches!(before.find(2, |_| true), Search::Changed));
    assert!(before.contents().is_none() && before.remove(memory.hit(2)).is_none());
    assert!(matches!(after.find(2, |slot| *slot == 2), Search::Found(_)));
    assert_eq!(entries(after), [2]);
}

#[test]
fn a_bucket_that_had_all_versions_takes_no_change() {
    let memory = Memory::filled(1);
    let last = !(VERSION - 1);
    memory.0[0].fetch_or(last - VERSION, Ordering::Relaxed);
    assert!(!memory.load().is_worn_out());
    assert!(memory.put(2));
    let seen = memory.load();
    assert!(seen.is_worn_out());
    assert!(!memory.put(3) && seen.remove(memory.hit(1)).is_none());
    assert_eq!(entries(seen), [1, 2]);
}

#[test]
fn an_insertion_leaves_a_slot_free_and_a_replacement_takes_it() {
    let memory = Memory::new();
    assert!((1..SLOTS).all(|entry| memory.put(entry)));
    assert!(!memory.put(SLOTS));
    let (seen, hit) = (memory.load(), memory.hit(3));
    let room = seen.room_at_home(Some(hit)).expect("the free slot");
    assert!(seen.put(room, 3, 33, Some(hit)).is_some());
    let mut left = entries(memory.load());
    left.sort_unstable();
    assert_eq!(left, [1, 2, 4, 5, 33]);
    assert!(!memory.put(SLOTS));
}

#[test]
fn a_draft_has_room_until_both_buckets_are_full() {
    for count in 0..SLOTS - 1 {
        assert!(Memory::filled(count).draft().has_room(false));
    }
    let mut memory = Memory::filled(SLOTS - 1);
    let mut draft = memory.draft();
    assert!(!draft.has_room(false) && draft.has_room(true));
    assert_eq!(draft.push(9, 9), Err(9));
    assert_eq!(draft.push_spilled(9, 9, || None), Err(9));
    for count in SLOTS..2 * SLOTS - 1 {
        let mut memory = Memory::filled(count);
        assert!(memory.draft().has_room(false) && !memory.load().may_link());
    }
    let mut memory = Memory::filled(2 * SLOTS - 1);
    let mut draft = memory.draft();
    assert!(!draft.has_room(false) && !draft.has_room(true));
    assert_eq!(draft.push_spilled(99, 99, || panic!("it has one")), Err(99));
    assert_eq!(entries(memory.load()), (1..2 * SLOTS).collect::<Vec<_>>());
}

#[test]
fn a_copy_has_each_entry_in_its_place_and_links_a_spill_bucket_that_holds_something() {
    for (count, removed) in [(3, 2), (8, 2), (8, 7), (11, 11), (SLOTS, SLOTS)] {
        let memory = Memory::filled(count);
        assert!(memory.load().remove(memory.hit(removed)).is_some());
        let frozen = memory.bucket().observe();
        let mut copy = Memory::new();
        // SAFETY:
        // - it has a spill bucket, which nothing links.
        unsafe { copy.draft().copy(frozen) };
        let seen = copy.load();
        assert!(seen.is_open());
        assert_eq!(seen.state & LIVE, frozen.state & LIVE);
        assert_eq!(
            entries(seen),
            (1..=count).filter(|entry| *entry != removed).collect::<Vec<_>>()
        );
        assert_eq!(seen.may_link(), count < SLOTS || (count, removed) == (SLOTS, SLOTS));
        #[cfg(any(debug_assertions, snaptrie_check))]
        seen.check(|slot| *slot);
    }
}

#[test]
fn what_two_buckets_have_in_common_is_forgotten() {
    let (one, two) = (Memory::filled(9), Memory::filled(9));
    for changed in [2, 8] {
        let (seen, hit) = (two.load(), two.hit(changed));
        // Of the bucket itself, and of its spill bucket.
        let room = if changed == 2 { seen.room_at_home(Some(hit)) } else { seen.room_in_spill() };
        assert!(seen.put(room.expect("a free slot"), changed, changed + 100, Some(hit)).is_some());
    }
    assert!(one.load().remove(one.hit(5)).is_some());
    let (mut one, mut two) = (one.bucket().observe(), two.bucket().observe());
    // As if this one had changed in its place.
    one.forget_common(&mut two, |one, two| one == two && *one != 4);
    assert_eq!(entries(one), [2, 4, 8]);
    let mut left = entries(two);
    left.sort_unstable();
    assert_eq!(left, [4, 5, 102, 108]);
}

#[test]
fn contents_are_what_is_left_of_them() {
    let memory = Memory::filled(7);
    let mut contents = memory.load().contents().expect("no other writer");
    for next in 1..=7 {
        assert!(!contents.is_empty());
        let left = contents;
        assert!(left.map(|slot| slot.now).eq(next..=7));
        assert_eq!(contents.next().map(|slot| slot.now), Some(next));
    }
    assert!(contents.is_empty() && contents.next().is_none());
}
