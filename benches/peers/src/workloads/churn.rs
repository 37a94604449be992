//! `churn`: the map holds N entries; each step of a thread inserts a fresh key and removes the oldest one
//! that the same thread inserted. N steps in total, counted as 2N operations.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(2 * n);
    let (old, fresh) = keys.split_at(n);

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        for i in mine.clone() {
            assert!(map.insert(old[i], i as u64), "the key was absent");
        }
        clock.phase(|| {
            for i in mine {
                assert!(map.insert(fresh[i], i as u64), "the key was absent");
                assert!(map.remove(old[i]), "the key was present");
            }
        });
    });
    vec![job.record("steady", 2 * n).timed(spans[0])]
}
