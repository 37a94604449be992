//! `hashbrown` behind one `RwLock`: what the standard library's map is made of, in a version of its own.

use super::Hasher;
use super::locked::locked;
use hashbrown::HashMap;
use std::sync::RwLock;

/// `std::sync::RwLock<hashbrown::HashMap>`.
pub struct Hashbrown(RwLock<HashMap<u64, u64, Hasher>>);

locked!(Hashbrown: RwLock<HashMap>, read with read, write with write);
