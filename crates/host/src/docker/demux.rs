//! Takes an exec's output apart: frames of one byte for the stream, three of nothing, four of length, then data. Pieces
//! of a frame are handed on as they come, so memory does not depend on what a length field says. Pure.

use bytes::{Buf as _, BytesMut};

use crate::chunk::{Chunk, Stream};

const HEADER: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Demux {
    /// What remains of the frame at hand, and whose it is.
    frame: Option<(Stream, usize)>,
    /// A frame in which the engine tells of its own trouble.
    complaint: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Chunk(Chunk),
    NeedMore,
    /// Not the protocol, or the engine's own complaint.
    Broken(String),
}

/// Longer complaints are cut.
const LONGEST_COMPLAINT: usize = 4096;

impl Demux {
    /// Takes the next piece off the front of `input`.
    pub(super) fn step(&mut self, input: &mut BytesMut) -> Step {
        loop {
            if let Some(length) = self.complaint {
                return complaint(length, input);
            }
            if let Some((stream, remaining)) = self.frame {
                return self.piece(stream, remaining, input);
            }
            if input.len() < HEADER {
                return Step::NeedMore;
            }
            let header = input.split_to(HEADER);
            if header[1..4] != [0, 0, 0] {
                return Step::Broken("the engine sent output in no known form".to_owned());
            }
            let length = (&header[4..]).get_u32() as usize;
            match header[0] {
                // Docker's own clients take 0, echoed input, for output too.
                0 | 1 if length > 0 => self.frame = Some((Stream::Stdout, length)),
                2 if length > 0 => self.frame = Some((Stream::Stderr, length)),
                0..=2 => {}
                3 => self.complaint = Some(length),
                _ => return Step::Broken("the engine sent output in no known form".to_owned()),
            }
        }
    }

    /// Whether the output may end here.
    pub(super) fn is_between_frames(&self) -> bool {
        self.frame.is_none() && self.complaint.is_none()
    }

    fn piece(&mut self, stream: Stream, remaining: usize, input: &mut BytesMut) -> Step {
        if input.is_empty() {
            return Step::NeedMore;
        }
        let data = input.split_to(remaining.min(input.len())).freeze();
        let remaining = remaining - data.len();
        self.frame = (remaining > 0).then_some((stream, remaining));
        Step::Chunk(Chunk { stream, data })
    }
}

fn complaint(length: usize, input: &BytesMut) -> Step {
    let length = length.min(LONGEST_COMPLAINT);
    if input.len() < length {
        return Step::NeedMore;
    }
    Step::Broken(String::from_utf8_lossy(&input[..length]).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind, 0, 0, 0];
        frame.extend_from_slice(&(data.len() as u32).to_be_bytes());
        frame.extend_from_slice(data);
        frame
    }

    type Joined = Vec<(Stream, Vec<u8>)>;

    /// Feeds `input` in pieces of `size` and joins neighbours of one stream; also what broke, and whether it may end.
    fn taken_apart(input: &[u8], size: usize) -> (Joined, Option<String>, bool) {
        let (mut demux, mut buffer, mut chunks) = (Demux::default(), BytesMut::new(), Vec::new());
        for piece in input.chunks(size) {
            buffer.extend_from_slice(piece);
            loop {
                match demux.step(&mut buffer) {
                    Step::Chunk(Chunk { stream, data }) => match chunks.last_mut() {
                        Some((last, bytes)) if *last == stream => Vec::extend_from_slice(bytes, &data),
                        _ => chunks.push((stream, data.to_vec())),
                    },
                    Step::NeedMore => break,
                    Step::Broken(why) => return (chunks, Some(why), false),
                }
            }
        }
        (chunks, None, demux.is_between_frames() && buffer.is_empty())
    }

    #[test]
    fn output_is_the_same_however_it_is_cut() {
        let input =
            [frame(1, b"one\0"), frame(2, b"two"), frame(1, b""), frame(0, b"three"), frame(1, b"four")]
                .concat();
        let expected = vec![
            (Stream::Stdout, b"one\0".to_vec()),
            (Stream::Stderr, b"two".to_vec()),
            (Stream::Stdout, b"threefour".to_vec()),
        ];
        for size in 1..=input.len() {
            assert_eq!(taken_apart(&input, size), (expected.clone(), None, true), "pieces of {size}");
        }
    }

    #[test]
    fn a_torn_frame_is_no_end() {
        let input = frame(1, b"abcdef");
        for end in 1..input.len() {
            let (_, broken, clean) = taken_apart(&input[..end], 3);
            assert!(broken.is_none() && !clean, "cut at {end}");
        }
    }

    #[test]
    fn a_length_of_4_gib_allocates_nothing() {
        let mut demux = Demux::default();
        let mut input = BytesMut::from(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'x'][..]);
        let expected = Chunk { stream: Stream::Stdout, data: bytes::Bytes::from_static(b"x") };
        assert_eq!(demux.step(&mut input), Step::Chunk(expected));
        assert_eq!(demux.step(&mut input), Step::NeedMore);
    }

    #[test]
    fn garbage_and_the_engines_complaints_end_it() {
        for garbage in [&b"HTTP/1.1 500"[..], &[4, 0, 0, 0, 0, 0, 0, 1], &[1, 0, 1, 0, 0, 0, 0, 1]] {
            assert!(taken_apart(garbage, 64).1.is_some(), "{garbage:?}");
        }
        let (chunks, broken, _) = taken_apart(&[frame(1, b"a"), frame(3, b"disk full\n")].concat(), 5);
        assert_eq!((chunks.len(), broken.as_deref()), (1, Some("disk full")));
    }
}
