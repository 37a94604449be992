//! `griddle` 0.6 behind one `RwLock`: `hashbrown` that moves to a larger table a few entries at a time,
//! so that no insert takes long.

use super::Hasher;
use super::locked::locked;
use griddle::HashMap;
use std::sync::RwLock;

/// `std::sync::RwLock<griddle::HashMap>`.
pub struct Griddle(RwLock<HashMap<u64, u64, Hasher>>);

locked!(Griddle: RwLock<HashMap>, read with read, write with write);
