//! Takes one stream of a driver apart: what a cell printed, and the words that follow the mark at its end. Pure.

use bytes::{Bytes, BytesMut};

#[derive(Debug)]
pub(super) struct Marked {
    mark: Vec<u8>,
    held: BytesMut,
    /// The mark has come; its line has not ended yet.
    in_words: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Printed(Bytes),
    /// The cell's end, and the words beside the mark.
    End(Bytes),
}

impl Marked {
    pub(super) fn new(nonce: &str) -> Self {
        Self { mark: format!("\0{nonce}").into_bytes(), held: BytesMut::new(), in_words: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next part; `None` when more must come first.
    pub(super) fn next(&mut self) -> Option<Part> {
        if self.in_words {
            let end = self.held.iter().position(|byte| *byte == b'\n')?;
            let words = self.held.split_to(end).freeze();
            _ = self.held.split_to(1);
            self.in_words = false;
            return Some(Part::End(words));
        }
        let at = self.possible_mark();
        if at > 0 {
            return Some(Part::Printed(self.held.split_to(at).freeze()));
        }
        if self.held.len() < self.mark.len() {
            return None;
        }
        _ = self.held.split_to(self.mark.len());
        self.in_words = true;
        self.next()
    }

    /// Where the mark starts, or may start; the end when it does not.
    fn possible_mark(&self) -> usize {
        let mut starts = self.held.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
        let fits = |at: &usize| {
            let rest = &self.held[*at..];
            let length = rest.len().min(self.mark.len());
            rest[..length] == self.mark[..length]
        };
        starts.find(fits).unwrap_or(self.held.len())
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// What is left when the stream has ended within a cell.
    pub(super) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(stream: &[u8], size: usize) -> (Vec<u8>, Vec<Bytes>) {
        let mut marked = Marked::new("mark");
        let (mut printed, mut ends) = (Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            marked.push(piece);
            while let Some(part) = marked.next() {
                match part {
                    Part::Printed(bytes) => printed.extend_from_slice(&bytes),
                    Part::End(words) => ends.push(words),
                }
            }
        }
        (printed, ends)
    }

    #[test]
    fn the_mark_is_found_however_the_bytes_arrive() {
        let stream = b"one\0\0mar\0mark{\"a\":1}\ntwo\0mark\n";
        for size in 1..=stream.len() {
            let (printed, ends) = parts(stream, size);
            assert_eq!(printed, b"one\0\0martwo", "in parts of {size}");
            assert_eq!(ends, [Bytes::from_static(b"{\"a\":1}"), Bytes::new()]);
        }
    }

    #[test]
    fn what_cannot_be_the_mark_is_not_held_back() {
        let mut marked = Marked::new("mark");
        marked.push(b"a\0b");
        assert_eq!(marked.next(), Some(Part::Printed(Bytes::from_static(b"a\0b"))));
        marked.push(b"c\0ma");
        assert_eq!(marked.next(), Some(Part::Printed(Bytes::from_static(b"c"))));
        assert_eq!(marked.next(), None);
        assert_eq!(marked.rest(), &b"\0ma"[..]);
    }
}
