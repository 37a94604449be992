//! One colour and one mark for each map, the same in all pictures. Mid-tones: each stands out against white
//! and against black.

use crate::maps::MapName;
use clap::ValueEnum;
use plotters::style::RGBColor;

/// Text, axes and grid.
pub(super) const INK: RGBColor = RGBColor(125, 125, 135);

/// The mark at a point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Circle,
    Triangle,
    Cross,
    Ring,
}

/// The place of a map in legends and tables: that of its name on the command line. What is none of those
/// (a counter of `bigrams`) comes last.
pub(super) fn rank(map: &str) -> usize {
    let names = MapName::value_variants().iter();
    let mut names = names.map(ToString::to_string);
    names.position(|name| name == map).unwrap_or(usize::MAX)
}

/// The name of a map in pictures: its type.
pub(super) fn label(map: &str) -> &str {
    match map {
        "dashmap" => "DashMap",
        "papaya" => "papaya::HashMap",
        "scc-map" => "scc::HashMap",
        "scc-index" => "scc::HashIndex",
        "flurry" => "flurry::HashMap",
        "contrie" => "ConMap",
        "leapfrog" => "LeapMap",
        "kovan-map" => "kovan::HashMap",
        "kovan-hopscotch" => "HopscotchMap",
        "imbl-swap" => "imbl::HashMap",
        "hashbrown" => "RwLock<hashbrown>",
        "griddle" => "RwLock<griddle>",
        "none" => "no map",
        _ => name(map),
    }
}

/// The name of a map in tables: the type of the repository's own maps and those of the standard library, the crate of
/// the others.
pub(super) fn name(map: &str) -> &str {
    match map {
        "snaptrie" => "TrieMap",
        "inline" => "CopyTrieMap",
        "flat" => "FlatMap",
        "flat-inline" => "CopyFlatMap",
        "snaptrie-writer" => "TrieMap, writer",
        "flat-writer" => "FlatMap, writer",
        "rayon-fold" => "private maps (rayon)",
        "std-rwlock" => "RwLock<HashMap>",
        "std-mutex" => "Mutex<HashMap>",
        _ => map,
    }
}

/// By name, so that a map keeps its colour when others come and go.
const STYLES: [(&str, RGBColor, Mark); 23] = [
    ("snaptrie", RGBColor(214, 69, 65), Mark::Circle),
    ("inline", RGBColor(168, 40, 90), Mark::Circle),
    ("flat", RGBColor(230, 126, 34), Mark::Circle),
    ("flat-inline", RGBColor(205, 160, 0), Mark::Circle),
    ("snaptrie-writer", RGBColor(214, 69, 65), Mark::Triangle),
    ("flat-writer", RGBColor(230, 126, 34), Mark::Triangle),
    ("dashmap", RGBColor(41, 128, 205), Mark::Circle),
    ("papaya", RGBColor(39, 160, 96), Mark::Circle),
    ("scc-map", RGBColor(142, 88, 190), Mark::Circle),
    ("scc-index", RGBColor(190, 88, 170), Mark::Triangle),
    ("flurry", RGBColor(150, 110, 70), Mark::Triangle),
    ("contrie", RGBColor(185, 140, 20), Mark::Triangle),
    ("leapfrog", RGBColor(20, 160, 170), Mark::Triangle),
    ("kovan-map", RGBColor(105, 125, 215), Mark::Cross),
    ("kovan-hopscotch", RGBColor(80, 165, 225), Mark::Cross),
    ("evmap", RGBColor(120, 150, 40), Mark::Cross),
    ("imbl-swap", RGBColor(225, 95, 145), Mark::Cross),
    ("std-rwlock", RGBColor(130, 140, 150), Mark::Ring),
    ("std-mutex", RGBColor(105, 115, 100), Mark::Ring),
    ("hashbrown", RGBColor(165, 120, 110), Mark::Ring),
    ("griddle", RGBColor(95, 155, 130), Mark::Ring),
    ("rayon-fold", RGBColor(95, 155, 130), Mark::Triangle),
    ("none", RGBColor(150, 150, 150), Mark::Cross),
];

/// The colour and the mark of a map.
pub(super) fn of(map: &str) -> (RGBColor, Mark) {
    let found = STYLES.iter().find(|(name, ..)| *name == map);
    found.map_or((INK, Mark::Cross), |&(_, colour, mark)| (colour, mark))
}

/// Whether this is one of the repository's own maps, which are drawn on top.
pub(super) fn is_ours(map: &str) -> bool {
    matches!(map.trim_end_matches("-writer"), "snaptrie" | "inline" | "flat" | "flat-inline")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_has_a_colour_of_its_own() {
        for map in MapName::value_variants() {
            let name = map.to_string();
            assert!(STYLES.iter().any(|(known, ..)| *known == name), "{name}");
        }
        for (i, (one, colour, mark)) in STYLES.iter().enumerate() {
            for (other, same, other_mark) in &STYLES[i + 1..] {
                let alike = (colour, *mark as u8) == (same, *other_mark as u8);
                assert!(!alike, "{one} and {other}");
            }
        }
    }
}
