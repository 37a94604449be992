//! Guards, and where they come from.
#![expect(unsafe_code, reason = "guards outlive the borrow of what they hold on to")]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crossbeam_epoch::LocalHandle;

use super::barrier;
use super::readers::{self, Call, Part, Reader, Readers, Visit};
use crate::sync::Ordering;

/// As long as it exists, nothing is freed that its thread can have reached since it was made.
pub(crate) struct Guard(ManuallyDrop<Pin>);

enum Pin {
    Global(Kind),
    Private(Box<PrivatePin>),
}

enum Kind {
    /// A reader's.
    Visit(Visit),
    Epoch(crossbeam_epoch::Guard),
}

/// The readers among the guards of the global collector. The others are those of crossbeam-epoch's own.
static READERS: Readers = Readers::new(barrier::heavy, readers::PAUSE);

impl Drop for Guard {
    // Inlined with what handles need, so that they need no place in memory.
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY:
        // - the value is dropped, and not used again.
        match unsafe { ManuallyDrop::take(&mut self.0) } {
            Pin::Global(Kind::Visit(visit)) => drop(visit),
            Pin::Global(Kind::Epoch(guard)) => drop(guard),
            Pin::Private(pin) => unpin_private(pin),
        }
    }
}

impl Guard {
    #[inline(always)]
    fn new(pin: Pin) -> Self {
        Self(ManuallyDrop::new(pin))
    }

    fn readers(&self) -> &Readers {
        match &*self.0 {
            Pin::Global(_) => &READERS,
            Pin::Private(pin) => &pin.home.readers,
        }
    }

    fn kind(&self) -> &Kind {
        match &*self.0 {
            Pin::Global(kind) => kind,
            Pin::Private(pin) => &pin.kind,
        }
    }

    /// Ends this guard and begins another one in its place, unless the thread holds others of its kind.
    pub(crate) fn repin(&mut self) {
        let kind = match &mut *self.0 {
            Pin::Global(kind) => kind,
            Pin::Private(pin) => &mut pin.kind,
        };
        match kind {
            Kind::Visit(visit) => visit.renew(),
            Kind::Epoch(guard) => guard.repin(),
        }
    }

    /// Sees to it that `call` is made when all guards are gone that are held now.
    pub(super) fn defer(&self, call: impl FnOnce() + Send + 'static) {
        if let Err(call) = self.readers().defer(call) {
            self.defer_to_epoch([call]);
        }
    }

    /// Helps what was deferred on its way. `waits`: the caller knows of something that is.
    pub(crate) fn help(&self, waits: bool) {
        let (own, pins) = match self.kind() {
            Kind::Visit(visit) => (Some(visit.reader()), false),
            // The thread may have been a reader, and hold guards from then.
            Kind::Epoch(_) => (own_part(), true),
        };
        let readers = self.readers();
        if readers.are_awaited() {
            self.defer_to_epoch(readers.go_on(own));
        } else if !pins && (waits || readers.epochs_are_due()) {
            // Threads that pin epochs see to that by doing so.
            self.defer_to_epoch::<Call>([]);
        }
    }

    /// Lets the epoch go a step on, if all guards of the last one are gone.
    pub(crate) fn advance(&self) {
        self.defer_to_epoch::<Call>([]);
    }

    /// [`Self::repin`], and helps what was deferred on its way as far as this thread can.
    pub(crate) fn refresh(&mut self) {
        // Twice, for what begins under this guard waits for it: and then a grace period takes two epochs more.
        for _ in 0..2 {
            self.repin();
            self.help(true);
            self.defer_to_epoch::<Call>([]);
        }
    }

    /// Defers the calls, and lets the epoch go a step on.
    fn defer_to_epoch<F: FnOnce() + Send + 'static>(&self, calls: impl IntoIterator<Item = F>) {
        let defer = |guard: &crossbeam_epoch::Guard| {
            calls.into_iter().for_each(|call| guard.defer(call));
            guard.flush();
        };
        match (self.kind(), &*self.0) {
            (Kind::Epoch(guard), _) => defer(guard),
            (Kind::Visit(_), Pin::Global(_)) => defer(&pin_global()),
            (Kind::Visit(_), Pin::Private(pin)) => defer(&pin.handle.pin()),
        }
    }
}

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// All maps of the process have their guards there, usually.
    Global,
    /// A map's own, for tests. Each guard is that of a new thread, as it were, so that it depends on no
    /// thread's history: by turns of one that reads and of another one.
    Private(Arc<Private>),
}

pub(crate) struct Private {
    readers: Readers,
    epochs: crossbeam_epoch::Collector,
    /// Guards made so far.
    guards: AtomicUsize,
}

/// A guard of a private collector, with the thread that it stands for.
struct PrivatePin {
    // In this order: the guard goes first, and then the part that it was made with.
    kind: Kind,
    _part: Option<Part>,
    handle: LocalHandle,
    home: Arc<Private>,
}

impl Collector {
    pub(crate) fn private() -> Self {
        barrier::settle();
        Self::Private(Arc::new(Private {
            readers: Readers::new(barrier::heavy, 0),
            epochs: crossbeam_epoch::Collector::new(),
            guards: AtomicUsize::new(0),
        }))
    }

    /// A guard. Inlined wherever a handle is made, so that the handle needs no place in memory.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        match self {
            Self::Global => {
                Guard::new(Pin::Global(match READER.get() {
                    // SAFETY:
                    // - this thread's, from `look_back`, and given back only when no guard is left; a static
                    //   owns it.
                    Some(reader) => Kind::Visit(unsafe { Visit::new(reader) }),
                    None => Kind::Epoch(pin_global()),
                }))
            }
            Self::Private(private) => pin_private(private),
        }
    }
}

#[cold]
#[inline(never)]
fn pin_private(home: &Arc<Private>) -> Guard {
    let handle = home.epochs.register();
    // Relaxed: only a number.
    let reads = home.guards.fetch_add(1, Ordering::Relaxed) % 2 == 1 && barrier::supported();
    // SAFETY:
    // - the guard holds on to its home, and gives the part back when its visit is over.
    let part = reads.then(|| unsafe { Part::of(&home.readers) });
    let kind = match &part {
        // SAFETY:
        // - as above.
        Some(part) => Kind::Visit(unsafe { Visit::new(part) }),
        None => Kind::Epoch(handle.pin()),
    };
    let pin = PrivatePin { kind, _part: part, handle, home: Arc::clone(home) };
    Guard::new(Pin::Private(Box::new(pin)))
}

#[cold]
#[inline(never)]
fn unpin_private(pin: Box<PrivatePin>) {
    drop(pin);
}

thread_local! {
    /// This thread's part in the collector that the process shares: what `crossbeam_epoch::pin` has
    /// too, but that one is not inlined.
    static HANDLE: LocalHandle = {
        // Here, for it has to be done once before there are readers, and as early as may be.
        barrier::prepare();
        crossbeam_epoch::default_collector().register()
    };
}

#[inline(always)]
fn pin_global() -> crossbeam_epoch::Guard {
    match HANDLE.try_with(LocalHandle::pin) {
        Ok(guard) => guard,
        // The thread is exiting, and its part is gone.
        Err(_) => pin_once(crossbeam_epoch::default_collector()),
    }
}

#[cold]
#[inline(never)]
fn pin_once(collector: &crossbeam_epoch::Collector) -> crossbeam_epoch::Guard {
    collector.register().pin()
}

/// Times that a thread looks back before it becomes a reader: a thousand handles.
const SPAN: u32 = 8;

/// Objects that it may have retired meanwhile: an entry for 32 handles.
///
/// Where more is retired, waiting for heavy fences costs more than it saves: what is freed has left the cache. (In a
/// prototype, two threads, a million entries, one operation in twenty an insertion or a removal: with readers a
/// `FlatMap` took 114 ns each where it had been 158. A `TrieMap`, which retires nodes besides, took 171 where it had
/// been 161.)
const FEW: u32 = 32;

/// Entries that a larger object counts for. (Insertions into a trie retire a node in 33.)
pub(super) const LARGE: u32 = 4;

thread_local! {
    // Those without a destructor work inside the destructors of others.
    /// The thread's part, while it is a reader.
    static READER: Cell<Option<&'static Reader>> = const { Cell::new(None) };
    /// Objects that it retired, and the times that it looked back, in the present span.
    static RETIRED: Cell<u32> = const { Cell::new(0) };
    static LOOKS: Cell<u32> = const { Cell::new(0) };
    /// Whether a larger object was among them since it last looked.
    static LARGER: Cell<bool> = const { Cell::new(false) };
    /// The part, for as long as the thread has it.
    static SEAT: Seat = const { Seat(Cell::new(None)) };
}

struct Seat(Cell<Option<&'static Reader>>);

impl Drop for Seat {
    fn drop(&mut self) {
        READER.set(None);
        // With a guard left (in another thread-local, or forgotten), nobody gets the part any more.
        self.0.take().map(Readers::leave);
    }
}

fn own_part() -> Option<&'static Reader> {
    SEAT.try_with(|seat| seat.0.get()).ok().flatten()
}

/// Counts an object that this thread retired, for so many.
#[inline]
pub(super) fn count_retired(entries: u32) {
    RETIRED.set(RETIRED.get().saturating_add(entries));
    if entries == LARGE {
        LARGER.set(true);
    }
}

/// Called once for so many of a thread's handles: makes the thread a reader if it retired little lately, and no reader
/// if it retired more. Returns whether a larger object was retired since the last time.
pub(crate) fn look_back() -> bool {
    let larger = LARGER.replace(false);
    if RETIRED.get() > FEW {
        RETIRED.set(0);
        LOOKS.set(0);
        READER.set(None);
        // Gives the part back, if no guard is held; else the next time.
        let _ = SEAT.try_with(|seat| {
            if seat.0.get().is_some_and(Readers::leave) {
                seat.0.set(None);
            }
        });
        return larger;
    }
    LOOKS.set(LOOKS.get() + 1);
    if LOOKS.get() < SPAN {
        return larger;
    }
    RETIRED.set(0);
    LOOKS.set(0);
    // Models' threads are not the system's, nor are their thread-locals.
    if READER.get().is_none() && barrier::supported() && !cfg!(shuttle) {
        // Not in a thread that is exiting: there is nobody to give the part back.
        let _ = SEAT.try_with(|seat| {
            let part = seat.0.get().unwrap_or_else(|| READERS.join());
            seat.0.set(Some(part));
            READER.set(Some(part));
        });
    }
    larger
}
