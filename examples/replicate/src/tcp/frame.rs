//! Frames on a connection: the length (four bytes, little-endian), then a message in postcard's encoding.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::message::LARGEST_MESSAGE;

/// Limit for every frame. Bounds what a peer can make the other side allocate.
pub(crate) const LARGEST: usize = LARGEST_MESSAGE;

/// Limit for frames from a follower.
pub(crate) const LARGEST_FROM_FOLLOWER: usize = 1024;

/// Reads a message, or `None` at the end of the connection. The buffer is reused between calls.
///
/// # Errors
/// If the frame exceeds the limit, which is checked before allocating, or if it is not a valid message.
pub(crate) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    // A partial length also counts as the end.
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

/// Writes a message.
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

/// Whether the error means that the other side has closed the connection.
pub(crate) fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};

    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
