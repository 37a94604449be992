//! The input: finding files, telling text from binary, and cutting large files into pieces.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Larger files are cut into pieces of about this size, a few milliseconds of work, so that all threads can share them.
const PIECE: u64 = 1 << 20;

/// A NUL byte within this many bytes makes a file binary.
const HEAD: u64 = 1 << 10;

/// The files at and below `roots`.
///
/// Links are followed only at the roots, so the walk cannot loop. A folder below them that cannot be read is reported
/// to `skipped`.
///
/// # Errors
/// A message, if a root cannot be read or is neither a file nor a folder.
pub(crate) fn find(
    roots: &[PathBuf],
    mut skipped: impl FnMut(&Path, &io::Error),
) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = Vec::new();
    for root in roots {
        let cannot_read = |error| cannot_read(root, &error);
        let metadata = fs::metadata(root).map_err(cannot_read)?;
        if metadata.is_dir() {
            list(root, &mut files, &mut folders).map_err(cannot_read)?;
        } else if metadata.is_file() {
            File::open(root).map_err(cannot_read)?;
            files.push(root.clone());
        } else {
            return Err(format!("{} is neither a file nor a folder", root.display()));
        }
    }
    while let Some(folder) = folders.pop() {
        if let Err(error) = list(&folder, &mut files, &mut folders) {
            skipped(&folder, &error);
        }
    }
    Ok(files)
}

pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Appends the content of a folder to `files` and `folders`.
fn list(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && !path.join("CACHEDIR.TAG").exists() {
            folders.push(path);
        }
    }
    Ok(())
}

/// A file, read as far as necessary to know how to count it.
pub(crate) enum Content {
    /// Not text.
    Binary,
    /// All of a small file.
    Whole(Vec<u8>),
    /// Where to cut a large one.
    Pieces(Vec<Range<u64>>),
}

/// Opens a file, and reads it if it is small.
pub(crate) fn open(path: &Path) -> io::Result<Content> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    if bytes.contains(&0) {
        return Ok(Content::Binary);
    }
    if len > 2 * PIECE {
        return cut(&mut file, len).map(Content::Pieces);
    }
    file.read_to_end(&mut bytes)?;
    Ok(Content::Whole(bytes))
}

/// Cuts a file of this length before ASCII characters that are not letters.
///
/// Such a byte ends a word and a character, even an invalid one. So the words of the pieces are the words of the whole.
/// Text without any such byte stays in one piece.
fn cut(file: &mut File, len: u64) -> io::Result<Vec<Range<u64>>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while len - start > PIECE {
        let end = next_cut(file, start + PIECE)?.unwrap_or(len).min(len);
        pieces.push(start..end);
        start = end;
    }
    if start < len {
        pieces.push(start..len);
    }
    Ok(pieces)
}

/// The first place at or after `from` where the file can be cut, if there is one.
fn next_cut(file: &mut File, from: u64) -> io::Result<Option<u64>> {
    let mut at = file.seek(SeekFrom::Start(from))?;
    let mut block = Vec::with_capacity(4096);
    loop {
        block.clear();
        file.by_ref().take(4096).read_to_end(&mut block)?;
        let found = block.iter().position(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic());
        if let Some(offset) = found {
            return Ok(Some(at + offset as u64));
        }
        if block.is_empty() {
            return Ok(None);
        }
        at += block.len() as u64;
    }
}

/// Reads a piece of a file.
pub(crate) fn read_piece(path: &Path, piece: Range<u64>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(piece.start))?;
    let mut bytes = Vec::new();
    file.take(piece.end - piece.start).read_to_end(&mut bytes)?;
    Ok(bytes)
}
