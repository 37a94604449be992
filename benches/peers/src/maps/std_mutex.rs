//! The standard library's map behind one `Mutex`.

use super::Hasher;
use super::locked::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// `std::sync::Mutex<std::collections::HashMap>`.
pub struct StdMutex(Mutex<HashMap<u64, u64, Hasher>>);

locked!(StdMutex: Mutex<HashMap>, read with lock, write with lock);
