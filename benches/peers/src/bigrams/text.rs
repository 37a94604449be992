//! The text: files found, drawn, read, made lower case and cut. Nothing here is timed.

use super::Input;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Larger texts are cut, so that all threads can share them.
const PIECE: usize = 1 << 20;

/// A NUL byte within this many makes a file binary.
const HEAD: usize = 1 << 10;

/// Pieces of text of about the requested size, or of all text if there is less.
pub(super) fn read(input: &Input) -> io::Result<Vec<String>> {
    let roots = if input.paths.is_empty() { default_paths() } else { input.paths.clone() };
    let mut files = Vec::new();
    for root in &roots {
        find(root, root, &mut files)?;
    }
    // In an order that looks random but depends on the names alone.
    files.sort_unstable();
    let mut left = (input.mib << 20) as usize;
    let mut pieces = Vec::new();
    for (_, path) in files {
        let Some(text) = fs::read(path).ok().and_then(text) else {
            continue;
        };
        left = left.saturating_sub(text.len());
        cut(text, &mut pieces);
        if left == 0 {
            break;
        }
    }
    if pieces.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no text there"));
    }
    Ok(pieces)
}

/// Appends the files at and below `path`, each with a number made of its name below `root`.
fn find(root: &Path, path: &Path, files: &mut Vec<(u64, PathBuf)>) -> io::Result<()> {
    if path.is_file() {
        let name = path.strip_prefix(root).unwrap_or(path);
        files.push((scatter(name.as_os_str().as_encoded_bytes()), path.into()));
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let kind = entry.file_type()?;
        if !hidden && (kind.is_dir() || kind.is_file()) {
            find(root, &entry.path(), files)?;
        }
    }
    Ok(())
}

/// FNV-1a: the same on every machine.
fn scatter(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The text of a file in lower case; none if it is binary.
fn text(bytes: Vec<u8>) -> Option<String> {
    let binary = bytes[..bytes.len().min(HEAD)].contains(&0);
    (!binary && !bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).to_lowercase())
}

/// Cuts a long text before line ends.
fn cut(mut text: String, pieces: &mut Vec<String>) {
    while text.len() > 2 * PIECE {
        let from = text.floor_char_boundary(PIECE);
        let Some(offset) = text[from..].find('\n') else {
            break;
        };
        let rest = text.split_off(from + offset);
        pieces.push(text);
        text = rest;
    }
    pieces.push(text);
}

/// As in the example `bigrams`: the sources of the crates in cargo's registry, or else this repository.
fn default_paths() -> Vec<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    let cargo_home = variable("CARGO_HOME").or_else(|| home().map(|home| home.join(".cargo")));
    let sources = cargo_home.map(|home| home.join("registry").join("src"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    vec![sources.filter(|path| path.is_dir()).unwrap_or(repository)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_loses_nothing() {
        let line = "some words in a line\n".repeat(50_000) + &"x".repeat(3 * PIECE);
        let text = line.repeat(2);
        let mut pieces = Vec::new();
        cut(text.clone(), &mut pieces);
        assert!(pieces.len() > 2);
        assert_eq!(pieces.concat(), text);
        assert!(pieces[1..].iter().all(|piece| piece.starts_with('\n')));
    }
}
