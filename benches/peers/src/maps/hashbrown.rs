//! `hashbrown` behind one `RwLock`: the basis of the standard library's map, in another version.

use super::Hasher;
use super::locked::locked;
use hashbrown::HashMap;
use std::sync::RwLock;

/// `std::sync::RwLock<hashbrown::HashMap>`.
pub struct Hashbrown(RwLock<HashMap<u64, u64, Hasher>>);

locked!(Hashbrown: RwLock<HashMap>, read with read, write with write);
