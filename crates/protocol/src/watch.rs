//! What happens to watched files, as bytes of a stream: one byte for what happened, four for the length of the path
//! (little endian), the path.

use crate::{MAX_PAYLOAD, ProtocolError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchKind {
    Create,
    Write,
    Remove,
    Rename,
    Chmod,
    /// Events were lost: more happened than could be told.
    Overflow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    pub kind: WatchKind,
    /// Below the watched folder; empty: it itself.
    pub path: Vec<u8>,
}

const KINDS: [WatchKind; 6] = [
    WatchKind::Create,
    WatchKind::Write,
    WatchKind::Remove,
    WatchKind::Rename,
    WatchKind::Chmod,
    WatchKind::Overflow,
];
const HEADER: usize = 5;

impl WatchEvent {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend_from_slice(&(self.path.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.path);
    }

    /// Takes the next whole event off the front of `bytes`; `None` when more are needed.
    pub fn decode(bytes: &mut Vec<u8>) -> Result<Option<Self>, ProtocolError> {
        let malformed = ProtocolError::Malformed { kind: "watch event" };
        let Some([kind, l0, l1, l2, l3]) = bytes.first_chunk::<HEADER>().copied() else { return Ok(None) };
        let kind = *KINDS.get(usize::from(kind)).ok_or(malformed)?;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > MAX_PAYLOAD {
            return Err(ProtocolError::TooLong { length });
        }
        let Some(path) = bytes.get(HEADER..HEADER + length) else { return Ok(None) };
        let event = Self { kind, path: path.to_vec() };
        bytes.drain(..HEADER + length);
        Ok(Some(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_as_they_went_in_however_the_bytes_arrive() {
        let events = [
            WatchEvent { kind: WatchKind::Create, path: b"a/\xff".to_vec() },
            WatchEvent { kind: WatchKind::Overflow, path: Vec::new() },
        ];
        let mut bytes = Vec::new();
        events.iter().for_each(|event| event.encode(&mut bytes));
        let (mut arrived, mut decoded) = (Vec::new(), Vec::new());
        for byte in bytes {
            arrived.push(byte);
            decoded.extend(WatchEvent::decode(&mut arrived).expect("events"));
        }
        assert_eq!(decoded, events);
        assert!(arrived.is_empty());
    }

    #[test]
    fn what_is_no_event_is_told() {
        assert!(WatchEvent::decode(&mut vec![6, 0, 0, 0, 0]).is_err());
        assert!(WatchEvent::decode(&mut vec![0, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(WatchEvent::decode(&mut vec![0, 1, 0, 0, 0]), Ok(None));
    }
}
