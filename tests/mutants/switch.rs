//! Which mutant takes effect. Added to the copy of the library that has them all.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

const UNREAD: usize = usize::MAX;
const TRACED: usize = usize::MAX - 1;
const NONE: usize = usize::MAX - 2;

/// More than there are mutants.
const MOST: usize = 1 << 16;

/// What the environment asks for.
static CHOSEN: AtomicUsize = AtomicUsize::new(UNREAD);

/// Whether the mutant of this number takes effect: `MUTANT` in the environment is its number.
#[inline]
pub(crate) fn is_on(number: usize) -> bool {
    match CHOSEN.load(Relaxed) {
        UNREAD => {
            read();
            is_on(number)
        }
        TRACED => {
            trace(number);
            false
        }
        chosen => chosen == number,
    }
}

#[cold]
fn read() {
    let chosen = match std::env::var("MUTANT").ok().and_then(|number| number.parse().ok()) {
        Some(chosen) => chosen,
        None if std::env::var_os("MUTANT_TRACE").is_some() => TRACED,
        None => NONE,
    };
    CHOSEN.store(chosen, Relaxed);
}

/// Appends the number to the file that `MUTANT_TRACE` names, once.
fn trace(number: usize) {
    static REACHED: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];
    static FILE: OnceLock<File> = OnceLock::new();
    if !REACHED[number].swap(true, Relaxed) {
        let path = std::env::var_os("MUTANT_TRACE").expect("a path");
        let file = FILE.get_or_init(|| {
            OpenOptions::new().create(true).append(true).open(path).expect("a file")
        });
        { file }.write_all(format!("{number}\n").as_bytes()).expect("a line");
    }
}
