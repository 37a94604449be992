//! The format of one checkpoint file. Folders and chains of files are in `mod.rs`.
//!
//! All numbers are little-endian. The file begins with a header:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic: `snaptrie` |
//! | 4 | version of the format |
//! | 4 | 0: all entries; 1: a diff to the checkpoint with the previous number |
//! | 8 | number of the checkpoint |
//! | 8 | in a diff: digest of the content that it applies to; otherwise 0 |
//! | 4 | CRC-32 of the 32 bytes above |
//!
//! Blocks follow, each with its own head:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the payload |
//! | 4 | number of records in it; 0 in the last block |
//! | 4 | CRC-32 of the payload |
//! | 4 | CRC-32 of the CRC of the header, the number of the block (8 bytes), and the 12 bytes above |
//!
//! So a damaged length is detected before it is used, and so is a block from another file or another position.
//! A record is a pair of a key and an optional value in postcard's encoding. No value means that the key was
//! removed. The last block holds the number of entries in the map (8 bytes), the digest of the map (8 bytes), and
//! the caller's note. Nothing follows it.
//!
//! The digest is the sum of a hash of each entry. So it does not depend on their order, and updating it costs as
//! much as what changed. It detects mistakes and damage, not malice.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use super::error::{Error, Part};

pub(crate) const MAGIC: [u8; 8] = *b"snaptrie";

/// Increased with every incompatible change.
pub(crate) const VERSION: u32 = 1;

const HEADER: usize = 36;
const BLOCK_HEAD: usize = 16;

/// A block is written out once it has this many bytes.
const BLOCK: usize = 1 << 16;

/// Limit for the payload of a block. Bounds what a reader allocates.
const LARGEST_BLOCK: usize = 1 << 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Full,
    Diff { base_digest: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
}

/// The content of the last block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Number of entries in the map, not in the file.
    pub(crate) entries: u64,
    pub(crate) digest: u64,
    /// Bytes that the caller stores with the content.
    pub(crate) note: Vec<u8>,
}

/// The hash that an encoded entry adds to the digest (FNV-1a, then the finalizer of SplitMix64).
pub(crate) fn fingerprint(record: &[u8]) -> u64 {
    let mut n = 0xcbf2_9ce4_8422_2325_u64;
    for byte in record {
        n = (n ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Appends a record to a buffer.
pub(crate) fn encode<K: Serialize, V: Serialize>(
    buffer: &mut Vec<u8>,
    key: &K,
    value: Option<&V>,
) -> Result<(), Error> {
    let extended = postcard::to_extend(&(key, value), std::mem::take(buffer));
    *buffer = extended.map_err(Error::Encoding)?;
    Ok(())
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let (kind, base_digest) = match self.kind {
            Kind::Full => (0_u32, 0),
            Kind::Diff { base_digest } => (1, base_digest),
        };
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&kind.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&base_digest.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER], path: &Path) -> Result<Self, Error> {
        let found = u32_at(bytes, 8);
        if found != VERSION {
            return Err(Error::UnknownVersion { path: path.into(), found, known: VERSION });
        }
        let damaged = |what| Error::Damaged { path: path.into(), part: Part::Header, what };
        if crc32fast::hash(&bytes[..32]) != u32_at(bytes, 32) {
            return Err(damaged("the checksum is wrong"));
        }
        let kind = match u32_at(bytes, 12) {
            0 => Kind::Full,
            1 => Kind::Diff { base_digest: u64_at(bytes, 24) },
            _ => return Err(damaged("an unknown kind of checkpoint")),
        };
        Ok(Self { kind, number: u64_at(bytes, 16) })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn block_crc(header_crc: u32, index: u64, head: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header_crc.to_le_bytes());
    crc.update(&index.to_le_bytes());
    crc.update(head);
    crc.finalize()
}

/// Writes a file from the header to the last block.
pub(crate) struct Writer<'p, W> {
    out: W,
    path: &'p Path,
    header_crc: u32,
    block: Vec<u8>,
    /// Records in the block.
    records: u32,
    /// Number of the next block.
    index: u64,
    bytes: u64,
}

impl<'p, W: Write> Writer<'p, W> {
    /// The path is for error messages.
    pub(crate) fn new(mut out: W, path: &'p Path, header: Header) -> Result<Self, Error> {
        let bytes = header.to_bytes();
        out.write_all(&bytes).map_err(Error::io("writing", path))?;
        let (header_crc, block) = (u32_at(&bytes, 32), Vec::with_capacity(2 * BLOCK));
        Ok(Self { out, path, header_crc, block, records: 0, index: 0, bytes: HEADER as u64 })
    }

    /// Adds a record, and returns its fingerprint.
    pub(crate) fn record<K: Serialize, V: Serialize>(
        &mut self,
        key: &K,
        value: Option<&V>,
    ) -> Result<u64, Error> {
        if self.block.len() >= BLOCK {
            self.end_block()?;
        }
        let start = self.block.len();
        encode(&mut self.block, key, value)?;
        let fingerprint = fingerprint(&self.block[start..]);
        self.records += 1;
        if self.block.len() > LARGEST_BLOCK {
            let bytes = self.block.len() - start;
            return Err(Error::TooLarge { bytes, limit: LARGEST_BLOCK - BLOCK });
        }
        Ok(fingerprint)
    }

    fn end_block(&mut self) -> Result<(), Error> {
        let mut head = [0; BLOCK_HEAD];
        head[..4].copy_from_slice(&(self.block.len() as u32).to_le_bytes());
        head[4..8].copy_from_slice(&self.records.to_le_bytes());
        head[8..12].copy_from_slice(&crc32fast::hash(&self.block).to_le_bytes());
        let crc = block_crc(self.header_crc, self.index, &head[..12]);
        head[12..].copy_from_slice(&crc.to_le_bytes());
        self.out.write_all(&head).map_err(Error::io("writing", self.path))?;
        self.out.write_all(&self.block).map_err(Error::io("writing", self.path))?;
        self.bytes += (BLOCK_HEAD + self.block.len()) as u64;
        self.block.clear();
        self.records = 0;
        self.index += 1;
        Ok(())
    }

    /// Writes the last block. Returns the underlying writer and the size of the file.
    pub(crate) fn finish(mut self, totals: &Totals) -> Result<(W, u64), Error> {
        if self.records > 0 {
            self.end_block()?;
        }
        if totals.note.len() > BLOCK {
            return Err(Error::TooLarge { bytes: totals.note.len(), limit: BLOCK });
        }
        self.block.extend(totals.entries.to_le_bytes());
        self.block.extend(totals.digest.to_le_bytes());
        self.block.extend(&totals.note);
        self.end_block()?;
        self.out.flush().map_err(Error::io("writing", self.path))?;
        Ok((self.out, self.bytes))
    }
}

/// Reads a file, block by block.
pub(crate) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    header: Header,
    header_crc: u32,
    payload: Vec<u8>,
    /// Number of the next block.
    index: u64,
}

/// The content of a block.
pub(crate) enum Block<K, V> {
    /// Each record with its fingerprint. Only records with a value count for the digest.
    Records(Vec<(K, Option<V>, u64)>),
    Last(Totals),
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("opening", path))?;
        let mut file = BufReader::with_capacity(BLOCK, file);
        let mut bytes = [0; HEADER];
        let got = read_up_to(&mut file, &mut bytes).map_err(Error::io("reading", path))?;
        let of_magic = got.min(MAGIC.len());
        if bytes[..of_magic] != MAGIC[..of_magic] {
            let what = "is named like a checkpoint, but is none";
            return Err(Error::Foreign { path: path.into(), what });
        }
        if got < HEADER {
            return Err(Error::Truncated { path: path.into(), part: Part::Header });
        }
        let header = Header::from_bytes(&bytes, path)?;
        let header_crc = u32_at(&bytes, 32);
        Ok(Self { file, path: path.into(), header, header_crc, payload: Vec::new(), index: 0 })
    }

    pub(crate) fn header(&self) -> Header {
        self.header
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), part: Part::Block(self.index), what }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let got = read_up_to(&mut self.file, buffer).map_err(Error::io("reading", &self.path))?;
        if got == buffer.len() {
            return Ok(());
        }
        Err(Error::Truncated { path: self.path.clone(), part: Part::Block(self.index) })
    }

    /// Reads the next block. Must not be called after the last one.
    pub(crate) fn next<K: DeserializeOwned, V: DeserializeOwned>(
        &mut self,
    ) -> Result<Block<K, V>, Error> {
        let mut head = [0; BLOCK_HEAD];
        self.fill(&mut head)?;
        let (length, records) = (u32_at(&head, 0) as usize, u32_at(&head, 4));
        if block_crc(self.header_crc, self.index, &head[..12]) != u32_at(&head, 12) {
            return Err(self.damaged("the checksum of its head is wrong"));
        }
        if length > LARGEST_BLOCK {
            return Err(self.damaged("it exceeds the largest possible size"));
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(length, 0);
        self.fill(&mut payload)?;
        if crc32fast::hash(&payload) != u32_at(&head, 8) {
            return Err(self.damaged("the checksum is wrong"));
        }
        let block = if records == 0 {
            Block::Last(self.totals(&payload)?)
        } else {
            Block::Records(self.records(&payload, records)?)
        };
        self.payload = payload;
        self.index += 1;
        Ok(block)
    }

    fn records<K: DeserializeOwned, V: DeserializeOwned>(
        &self,
        payload: &[u8],
        count: u32,
    ) -> Result<Vec<(K, Option<V>, u64)>, Error> {
        let mut records = Vec::new();
        let mut left = payload;
        for _ in 0..count {
            let ((key, value), rest) = postcard::take_from_bytes(left)
                .map_err(|_| self.damaged("a record has another type"))?;
            records.push((key, value, fingerprint(&left[..left.len() - rest.len()])));
            left = rest;
        }
        if left.is_empty() { Ok(records) } else { Err(self.damaged("bytes are left over")) }
    }

    fn totals(&mut self, payload: &[u8]) -> Result<Totals, Error> {
        if payload.len() < 16 {
            return Err(self.damaged("the totals are missing"));
        }
        let (entries, digest) = (u64_at(payload, 0), u64_at(payload, 8));
        if read_up_to(&mut self.file, &mut [0]).map_err(Error::io("reading", &self.path))? > 0 {
            let what = "bytes follow the last block";
            return Err(Error::Damaged { path: self.path.clone(), part: Part::Rest, what });
        }
        Ok(Totals { entries, digest, note: payload[16..].to_vec() })
    }
}

/// Fills the buffer as far as the file reaches. Returns the number of bytes.
fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
