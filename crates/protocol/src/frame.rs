//! The unit on the wire: a nine-byte header (payload length u32, request id u32, kind u8, little endian), then
//! the payload. The header never changes shape. Lengths are checked before anything is allocated.

use crate::ProtocolError;

pub const HEADER_LEN: usize = 9;

/// Cap on a payload, checked on encode and on decode: a command line and its environment fit, a flood does not.
pub const MAX_PAYLOAD: usize = 4 * 1024 * 1024;

/// Bytes of buffer that a decoder keeps between frames.
const KEPT: usize = 128 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub id: u32,
    pub kind: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Appends the frame's bytes to `out`.
    pub fn encode(id: u32, kind: u8, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let length = payload.len();
        if length > MAX_PAYLOAD {
            return Err(ProtocolError::TooLong { length });
        }
        out.reserve(HEADER_LEN + length);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&id.to_le_bytes());
        out.push(kind);
        out.extend_from_slice(payload);
        Ok(())
    }
}

/// Cuts a byte stream into frames, however the bytes arrive.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            // One large frame must not cost its memory for good.
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, `None` when more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let rest = &self.buffer[self.start..];
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let [l0, l1, l2, l3, i0, i1, i2, i3, kind] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > MAX_PAYLOAD {
            return Err(ProtocolError::TooLong { length });
        }
        let Some(payload) = rest.get(HEADER_LEN..HEADER_LEN + length) else { return Ok(None) };
        let frame = Frame { id: u32::from_le_bytes([i0, i1, i2, i3]), kind, payload: payload.to_vec() };
        self.start += HEADER_LEN + length;
        Ok(Some(frame))
    }

    /// True when the stream may end here: no part of a frame is waiting.
    pub fn is_at_boundary(&self) -> bool {
        self.start == self.buffer.len()
    }
}
