//! Messages on a connection: the length as four bytes, little-endian, and then postcard's encoding.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::message::LARGEST_MESSAGE;

/// No frame is larger, in either direction. Bounds what a peer can make the other allocate.
pub(crate) const LARGEST: usize = LARGEST_MESSAGE;

/// What a follower sends is smaller.
pub(crate) const LARGEST_FROM_FOLLOWER: usize = 1024;

/// Reads a message; none at the end of the connection. The buffer is for reuse.
///
/// # Errors
/// Also if the frame is larger than the limit, before anything is allocated for it, or is no message.
pub(crate) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    // An end within the length counts as an end.
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        let what = format!("a frame of {length} bytes; at most {limit} are accepted");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    buffer.resize(length, 0);
    from.read_exact(buffer).await?;
    let message = postcard::from_bytes(buffer);
    message.map(Some).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("not a message: {error}"))
    })
}

/// Writes a message, in one call.
pub(crate) async fn write<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    buffer: &mut Vec<u8>,
    message: &T,
) -> io::Result<()> {
    buffer.clear();
    buffer.extend([0; 4]);
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
    *buffer = postcard::to_extend(message, std::mem::take(buffer))
        .map_err(|error| invalid(error.to_string()))?;
    let length = buffer.len() - 4;
    if length > LARGEST {
        return Err(invalid(format!("a frame of {length} bytes; at most {LARGEST} are sent")));
    }
    buffer[..4].copy_from_slice(&(length as u32).to_le_bytes());
    to.write_all(buffer).await
}

/// Whether the connection is gone, as happens when the other side leaves.
pub(crate) fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};

    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
