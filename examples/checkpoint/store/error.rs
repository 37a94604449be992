//! What can go wrong with a checkpoint, in words that say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint could not be written or read.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operating system refused something.
    Io { doing: &'static str, path: PathBuf, error: io::Error },
    /// The path of the folder leads to something else.
    NotAFolder(PathBuf),
    /// Something that this program has not made is in the way. It is left as it is.
    Foreign { path: PathBuf, what: &'static str },
    /// The file has a format that this program does not know.
    UnknownVersion { path: PathBuf, found: u32, known: u32 },
    /// The file ends too early.
    Truncated { path: PathBuf, part: Part },
    /// A part of the file is not what was written.
    Damaged { path: PathBuf, part: Part, what: &'static str },
    /// A checkpoint is needed that is not there.
    MissingLink { folder: PathBuf, missing: u64, needed_by: u64 },
    /// The file is a diff, but not to the content that the checkpoints before it give.
    WrongBase { path: PathBuf },
    /// One entry is larger than a block may be.
    TooLarge { bytes: usize, limit: usize },
    /// An entry cannot be encoded.
    Encoding(postcard::Error),
    /// Another process has written a checkpoint of this number.
    Taken(PathBuf),
    /// It is not known whether the last checkpoint will last: open the folder again.
    Unsure,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Header,
    /// A block of entries, or the last block, which holds the totals. They are counted from zero.
    Block(u64),
    /// What comes after the last block, where nothing should.
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
                write!(f, "{}: {what}; it was left as it is", path.display())
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
                "{}: a diff to some other content than that of the checkpoint before it",
                path.display()
            ),
            Self::TooLarge { bytes, limit } => {
                write!(f, "an entry takes {bytes} bytes; at most {limit} are possible")
            }
            Self::Encoding(error) => write!(f, "an entry cannot be encoded: {error}"),
            Self::Taken(path) => {
                write!(f, "{}: another process has written this checkpoint", path.display())
            }
            Self::Unsure => f.write_str(
                "an earlier checkpoint may or may not last: open the folder again before the next",
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
