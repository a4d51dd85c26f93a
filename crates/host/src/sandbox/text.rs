//! Cuts a byte stream only where a UTF-8 character ends, however the bytes arrive.

use bytes::{Bytes, BytesMut};

/// Holds back the first bytes of a character whose rest has not come yet.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    held: BytesMut,
}

impl Cutter {
    /// The bytes that may be passed on now.
    pub(super) fn cut(&mut self, data: Bytes) -> Bytes {
        let mut data = if self.held.is_empty() {
            data
        } else {
            self.held.extend_from_slice(&data);
            self.held.split().freeze()
        };
        let tail = data.split_off(data.len() - torn(&data));
        self.held.extend_from_slice(&tail);
        data
    }

    /// What was held back, when the stream has ended: it never became a character.
    pub(super) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

/// Length of the unfinished character at the end.
pub(super) fn torn(data: &[u8]) -> usize {
    for back in 1..=data.len().min(3) {
        let byte = data[data.len() - back];
        let needs = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_never_torn() {
        let text = "aé€😀z".repeat(3);
        for size in 1..7 {
            let mut cutter = Cutter::default();
            let mut whole = String::new();
            for part in text.as_bytes().chunks(size) {
                let piece = cutter.cut(Bytes::copy_from_slice(part));
                whole.push_str(std::str::from_utf8(&piece).unwrap());
            }
            assert_eq!(whole, text);
            assert!(cutter.rest().is_empty());
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass_at_once() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.cut(Bytes::from_static(b"a\xff\xfe")), &b"a\xff\xfe"[..]);
        assert_eq!(cutter.cut(Bytes::from_static(b"b\x80\x80\x80\x80")), &b"b\x80\x80\x80\x80"[..]);
        assert_eq!(cutter.cut(Bytes::from_static(b"\xe2\x82")), &b""[..]);
        assert_eq!(cutter.rest(), &b"\xe2\x82"[..]);
    }
}
