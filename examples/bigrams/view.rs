//! Progress and top list while it counts: a live view on a terminal, plain lines elsewhere.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::count::Totals;
use crate::report::{self, Table};
use crate::snapshot::Snapshot;

/// The progress on standard error while files are read.
pub(crate) struct View {
    all: MultiProgress,
    bar: ProgressBar,
    table: ProgressBar,
    totals: Arc<Totals>,
    files: usize,
}

/// Fits into 60 columns.
const BAR: &str = "{bar:10} {percent:>3}%  {read}  {bigram_rate} bigrams/s  {eta} left";

impl View {
    pub(crate) fn new(files: usize, totals: &Arc<Totals>) -> Self {
        let all = MultiProgress::new();
        let bar = all.add(ProgressBar::new(files as u64));
        let table = all.add(ProgressBar::new_spinner());
        bar.set_style(bar_style(totals));
        table.set_style(style("{msg}"));
        if !all.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { all, bar, table, totals: Arc::clone(totals), files }
    }

    /// The bar to advance with each file.
    pub(crate) fn progress(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Prints a line about an error, above the live view.
    pub(crate) fn complain(&self, line: &str) {
        self.all.suspend(|| crate::complain(line));
    }

    /// Shows the top list of the snapshot with this number.
    pub(crate) fn show(&self, number: u64, snapshot: &Snapshot, limit: usize) {
        let top = snapshot.top(limit);
        let distinct = HumanCount(snapshot.counts.len() as u64);
        if !self.all.is_hidden() {
            let list = format!("snapshot {number}: {distinct} bigrams\n{}", Table(&top));
            self.table.set_message(list.trim_end().to_owned());
            return;
        }
        let files = self.bar.position();
        let bigrams = HumanCount(self.totals.bigrams.load(Relaxed));
        let mut line = format!(
            "snapshot {number}: {files}/{} files, {bigrams} bigrams read, {distinct} distinct",
            self.files
        );
        for (index, ranked) in top.iter().take(3).enumerate() {
            let before = if index == 0 { "; top: " } else { ", " };
            let [first, second] = ranked.words.map(report::clip);
            // Writing to a string cannot fail.
            let _ = write!(line, "{before}{first} {second} {}", HumanCount(ranked.count.0));
        }
        crate::complain(&line);
    }

    /// Removes the live view from the terminal.
    pub(crate) fn finish(&self) {
        self.table.finish_and_clear();
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, so a wrong one fails the first time it is used.
    ProgressStyle::with_template(template).expect("a valid template")
}

fn bar_style(totals: &Arc<Totals>) -> ProgressStyle {
    let (bytes, bigrams) = (Arc::clone(totals), Arc::clone(totals));
    style(BAR)
        .with_key("read", move |_: &ProgressState, out: &mut dyn Write| {
            put(out, HumanBytes(bytes.bytes.load(Relaxed)));
        })
        .with_key("bigram_rate", move |state: &ProgressState, out: &mut dyn Write| {
            let seconds = state.elapsed().as_secs_f64().max(0.001);
            put(out, HumanCount((bigrams.bigrams.load(Relaxed) as f64 / seconds) as u64));
        })
}

fn put(out: &mut dyn Write, value: impl fmt::Display) {
    // The line is a string: writing to it cannot fail.
    let _ = write!(out, "{value}");
}
