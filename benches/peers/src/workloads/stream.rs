//! `stream`: many writes in a row, with the fastest interface of the map. `insert` fills an empty map through a writer,
//! in disjoint slices, `overwrite` gives all keys another value in the same way, and `build` makes a map from all
//! entries at once. A map without such an interface does them one by one.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::time::Instant;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(n);
    let mut order = keys.clone();
    job.keys.rng(0).shuffle(&mut order);

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        clock.phase(|| map.stream(&keys[mine.clone()], 1));
        clock.phase(|| map.stream(&order[mine], 2));
    });
    assert_eq!(map.get_many(&keys), 2 * n as u64, "each key has its new value");

    let begin = Instant::now();
    let built = M::build(&keys, 3, threads);
    let span = begin.elapsed();
    assert_eq!(built.get_many(&keys), 3 * n as u64, "each key is present");

    let phases = ["insert", "overwrite", "build"].into_iter().zip(spans.into_iter().chain([span]));
    phases.map(|(phase, span)| job.record(phase, n).timed(span)).collect()
}
