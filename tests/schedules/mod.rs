//! Which schedules of a model are run: many at random, or all with few preemptions.

use std::sync::Arc;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner};

/// A number that the environment may set.
fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// Random schedules a test.
pub(crate) fn runs() -> usize {
    number("SNAPTRIE_MODEL_RUNS", 4_000)
}

/// Half of the schedules switch at random at every access; the other half (probabilistic concurrency
/// testing, Burckhardt and others, ASPLOS 2010) let one thread run far ahead of another, with few
/// switches.
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || test(), runs() / 2);
    shuttle::check_pct(move || again(), runs() / 2, 3);
}

/// Runs a test under every schedule of at most `SNAPTRIE_MODEL_PREEMPTIONS` preemptions; two if that is
/// not set. Random numbers are the same in each.
///
/// A thread that waits or ends has to be followed by another one; a switch away from a thread that could
/// go on is a *preemption*. With few of them the schedules of a small test can all be run, and
/// most concurrency bugs show in one with two (Musuvathi and Qadeer, "Iterative Context Bounding for Systematic
/// Testing of Multithreaded Programs", PLDI 2007).
pub(crate) fn explore_all(test: impl Fn() + Send + Sync + 'static) {
    let preemptions = number("SNAPTRIE_MODEL_PREEMPTIONS", 2);
    let schedules = Runner::new(Bounded::new(preemptions), Config::default()).run(test);
    println!("{schedules} schedules");
    assert!(schedules > 10, "the threads hardly meet");
}

/// A place where more than one thread may go on.
#[derive(Debug)]
struct Choice {
    taken: usize,
    options: usize,
}

/// Takes the schedules depth first: each repeats the choices of the last one, but for the last choice that
/// had an option left.
#[derive(Debug)]
struct Bounded {
    most: usize,
    choices: Vec<Choice>,
    /// How many of the choices were made in this run, and how many of them were preemptions.
    made: usize,
    preemptions: usize,
    begun: bool,
    numbers: u64,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Self { most, choices: Vec::new(), made: 0, preemptions: 0, begun: false, numbers: 0 }
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        while self.begun {
            let last = self.choices.last_mut()?;
            if last.taken + 1 < last.options {
                last.taken += 1;
                break;
            }
            self.choices.pop();
        }
        (self.begun, self.made, self.preemptions, self.numbers) = (true, 0, 0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let mut order: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        let stays = order.iter().position(|&id| Some(id) == current && !is_yielding);
        if let Some(stays) = stays {
            order[..=stays].rotate_right(1);
        }
        let options =
            if stays.is_some() && self.preemptions == self.most { 1 } else { order.len() };
        if options == 1 {
            return Some(order[0]);
        }
        if self.made == self.choices.len() {
            self.choices.push(Choice { taken: 0, options });
        }
        let choice = &self.choices[self.made];
        assert_eq!(choice.options, options, "a test that is not the same each time");
        self.made += 1;
        self.preemptions += usize::from(stays.is_some() && choice.taken > 0);
        Some(order[choice.taken])
    }

    /// The same numbers each time.
    fn next_u64(&mut self) -> u64 {
        self.numbers = self.numbers.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.numbers.rotate_left(29)
    }
}

#[test]
fn every_order_of_few_preemptions_is_run() {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use shuttle::sync::atomic::{AtomicU32, Ordering};

    // Two threads of three steps: whole, with one that is interrupted once, and all there are.
    for (most, orders) in [(0, 2), (1, 6), (6, 20)] {
        let seen = Arc::<Mutex<HashSet<Vec<u8>>>>::default();
        let all = Arc::clone(&seen);
        Runner::new(Bounded::new(most), Config::default()).run(move || {
            let order = Arc::<Mutex<Vec<u8>>>::default();
            let access = Arc::new(AtomicU32::new(0));
            let threads = [1, 2].map(|name| {
                let (order, access) = (Arc::clone(&order), Arc::clone(&access));
                shuttle::thread::spawn(move || {
                    for _ in 0..3 {
                        access.load(Ordering::SeqCst);
                        order.lock().unwrap().push(name);
                    }
                })
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            all.lock().unwrap().insert(order.lock().unwrap().clone());
        });
        assert_eq!(seen.lock().unwrap().len(), orders, "{most} preemptions");
    }
}
