//! The feature `serde`: serialization of differences.

use serde_core::de::{Deserialize, Deserializer};
use serde_core::ser::{Serialize, Serializer};

use crate::OwnedDiff;

/// Writes a pair: the entries to put, and the keys to remove.
///
/// The entries are a list of pairs and not a map, so that keys may have any type in JSON.
///
/// # Examples
/// ```
/// use snaptrie::OwnedDiff;
///
/// let diff = OwnedDiff { put: vec![(1, 'a')], removed: vec![2, 3] };
/// let json = serde_json::to_string(&diff).unwrap();
/// assert_eq!(json, r#"[[[1,"a"]],[2,3]]"#);
/// assert_eq!(serde_json::from_str::<OwnedDiff<u32, char>>(&json).unwrap(), diff);
/// ```
impl<K: Serialize, V: Serialize> Serialize for OwnedDiff<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.put, &self.removed).serialize(serializer)
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for OwnedDiff<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (put, removed) = Deserialize::deserialize(deserializer)?;
        Ok(Self { put, removed })
    }
}
