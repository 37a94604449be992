//! The errors of checkpoints.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint could not be written or read.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operating system reported an error.
    Io { doing: &'static str, path: PathBuf, error: io::Error },
    /// The path exists and is not a folder.
    NotAFolder(PathBuf),
    /// The folder contains something that this program has not written. It is left untouched.
    Foreign { path: PathBuf, what: &'static str },
    /// The file has a format version that this program does not know.
    UnknownVersion { path: PathBuf, found: u32, known: u32 },
    /// The file ends too early.
    Truncated { path: PathBuf, part: Part },
    /// A part of the file differs from what was written.
    Damaged { path: PathBuf, part: Part, what: &'static str },
    /// A checkpoint that a diff builds on is missing.
    MissingLink { folder: PathBuf, missing: u64, needed_by: u64 },
    /// The file is a diff to some other content than that of the previous checkpoint.
    WrongBase { path: PathBuf },
    /// One entry exceeds the largest possible block.
    TooLarge { bytes: usize, limit: usize },
    /// An entry cannot be encoded.
    Encoding(postcard::Error),
    /// Another process has written the checkpoint with this number.
    Taken(PathBuf),
    /// A previous call could not sync the folder, so its checkpoint may or may not be durable. Reopen the folder.
    Unsure,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Header,
    /// A block, counted from zero. The last one holds the totals.
    Block(u64),
    /// The totals as a whole, or bytes after the last block.
    Rest,
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { doing, path: path.into(), error }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Block(number) => write!(f, "block {number}"),
            Self::Rest => f.write_str("the end"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, error } => {
                write!(f, "{}: {doing} failed: {error}", path.display())
            }
            Self::NotAFolder(path) => write!(f, "{}: not a folder", path.display()),
            Self::Foreign { path, what } => {
                write!(f, "{}: {what}; it was left untouched", path.display())
            }
            Self::UnknownVersion { path, found, known } => write!(
                f,
                "{}: unknown version {found} of the format; this program knows version {known}",
                path.display()
            ),
            Self::Truncated { path, part } => {
                write!(f, "{}: truncated: the file ends within {part}", path.display())
            }
            Self::Damaged { path, part, what } => {
                write!(f, "{}: {part} is damaged: {what}", path.display())
            }
            Self::MissingLink { folder, missing, needed_by } => write!(
                f,
                "{}: checkpoint {missing} is missing; checkpoint {needed_by} builds on it",
                folder.display()
            ),
            Self::WrongBase { path } => write!(
                f,
                "{}: a diff to some other content than that of the previous checkpoint",
                path.display()
            ),
            Self::TooLarge { bytes, limit } => {
                write!(f, "an entry takes {bytes} bytes; the limit is {limit}")
            }
            Self::Encoding(error) => write!(f, "an entry cannot be encoded: {error}"),
            Self::Taken(path) => {
                write!(f, "{}: another process has already written this checkpoint", path.display())
            }
            Self::Unsure => f.write_str(
                "the previous checkpoint may not be durable: reopen the folder before the next one",
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Encoding(error) => Some(error),
            _ => None,
        }
    }
}
