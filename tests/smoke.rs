use snaptrie::TrieMap;
#[test]
fn smoke() {
    let map = TrieMap::new();
    for i in 0..100_000u64 { map.pin().insert(i, i); }
    assert_eq!(map.len(), 100_000);
    map.check_structure();
    let s = map.snapshot();
    for i in 0..100_000u64 { assert_eq!(map.pin().get(&i), Some(&i)); }
    for i in 0..50_000u64 { assert_eq!(map.pin().remove(&i), Some(&i)); }
    map.check_structure();
    for i in 50_000..100_000u64 { assert_eq!(map.pin().insert(i, i+1), Some(&i)); }
    assert_eq!(s.len(), 100_000);
    for i in 0..100_000u64 { assert_eq!(s.get(&i), Some(&i)); }
    assert_eq!(s.iter().count(), 100_000);
    let f = s.fork();
    f.pin().insert(7, 99);
    assert_eq!(f.len(), 100_000);
    f.check_structure();
    drop(s);
    for i in 50_000..100_000u64 { assert_eq!(map.pin().remove(&i), Some(&(i+1))); }
    let st = map.check_structure();
    println!("{st:?}");
    assert_eq!(st.nodes, 0);
    assert_eq!(f.len(), 100_000);
    let m: TrieMap<u64,u64,_> = TrieMap::with_hasher(std::hash::BuildHasherDefault::<Const>::default());
    for i in 0..1000 { m.pin().insert(i, i); }
    println!("{:?}", m.check_structure());
    for i in 0..1000 { assert_eq!(m.pin().get(&i), Some(&i)); }
    let t = m.take();
    assert_eq!(t.len(), 1000);
    assert!(m.is_empty());
    drop(m);
    assert_eq!(t.len(), 1000);
}
#[derive(Default)]
struct Const;
impl std::hash::Hasher for Const { fn finish(&self) -> u64 { 5 } fn write(&mut self, _: &[u8]) {} }
