//! Decoding what a hostile or broken peer may send: every split, every cut, and a bounded run of random bytes (the
//! fuzz target in `fuzz/` goes on from there).

use computesdk_docker_protocol::{
    Decoder, Frame, HEADER_LEN, Hello, MAX_PAYLOAD, ProtocolError, Run, ToAgent, ToHost,
};

fn stream() -> (Vec<ToAgent>, Vec<u8>) {
    let run = Run {
        argv: vec!["sh".into(), "-c".into(), "x".repeat(300)],
        env: vec![],
        cwd: None,
        stdin: true,
        background: false,
    };
    let messages = vec![
        ToAgent::Hello(Hello { version: 1 }),
        ToAgent::Run(run),
        ToAgent::Stdin(vec![9; 40]),
        ToAgent::Ping,
    ];
    let mut bytes = Vec::new();
    for (id, message) in (0..).zip(&messages) {
        message.encode(id, &mut bytes).expect("fits");
    }
    (messages, bytes)
}

fn drain(decoder: &mut Decoder, into: &mut Vec<ToAgent>) {
    while let Some(frame) = decoder.next_frame().expect("well-formed") {
        assert_eq!(frame.id as usize, into.len());
        into.push(ToAgent::decode(frame).expect("well-formed"));
    }
}

#[test]
fn frames_come_out_whole_however_the_bytes_arrive() {
    let (messages, bytes) = stream();
    for size in 1..=bytes.len() {
        let (mut decoder, mut got) = (Decoder::default(), Vec::new());
        for part in bytes.chunks(size) {
            decoder.push(part);
            drain(&mut decoder, &mut got);
        }
        assert_eq!(got, messages, "in parts of {size}");
        assert!(decoder.is_at_boundary());
    }
    for at in 0..=bytes.len() {
        let (mut decoder, mut got) = (Decoder::default(), Vec::new());
        decoder.push(&bytes[..at]);
        drain(&mut decoder, &mut got);
        decoder.push(&bytes[at..]);
        drain(&mut decoder, &mut got);
        assert_eq!(got, messages, "split at {at}");
    }
}

#[test]
fn a_stream_may_end_between_frames_only() {
    let (_, bytes) = stream();
    let mut borders = vec![0];
    let mut whole = Decoder::default();
    whole.push(&bytes);
    while let Some(frame) = whole.next_frame().expect("well-formed") {
        borders.push(borders[borders.len() - 1] + HEADER_LEN + frame.payload.len());
    }
    for at in 0..=bytes.len() {
        let mut decoder = Decoder::default();
        decoder.push(&bytes[..at]);
        drain(&mut decoder, &mut Vec::new());
        assert_eq!(decoder.is_at_boundary(), borders.contains(&at), "cut at {at}");
    }
}

#[test]
fn the_limit_holds_before_the_payload_arrives_and_on_encode() {
    let header = |length: u32| [&length.to_le_bytes()[..], &[0, 0, 0, 0, 1]].concat();
    let mut decoder = Decoder::default();
    decoder.push(&header(MAX_PAYLOAD as u32));
    assert_eq!(decoder.next_frame(), Ok(None), "the largest is waited for");
    for length in [MAX_PAYLOAD as u32 + 1, u32::MAX] {
        let mut decoder = Decoder::default();
        decoder.push(&header(length));
        assert_eq!(decoder.next_frame(), Err(ProtocolError::TooLong { length: length as usize }));
    }
    let mut out = Vec::new();
    assert_eq!(Frame::encode(1, 2, &vec![0; MAX_PAYLOAD], &mut out), Ok(()));
    out.clear();
    let length = MAX_PAYLOAD + 1;
    assert_eq!(ToHost::Data(vec![0; length]).encode(1, &mut out), Err(ProtocolError::TooLong { length }));
    assert!(out.is_empty(), "nothing of it was written");
}

#[test]
fn what_is_no_message_is_an_error() {
    let frame = |kind: u8, payload: &[u8]| Frame { id: 1, kind, payload: payload.to_vec() };
    assert_eq!(ToAgent::decode(frame(200, &[])), Err(ProtocolError::UnknownKind { kind: 200 }));
    assert_eq!(ToHost::decode(frame(200, &[])), Err(ProtocolError::UnknownKind { kind: 200 }));
    fn malformed<T>(kind: &'static str) -> Result<T, ProtocolError> {
        Err(ProtocolError::Malformed { kind })
    }
    assert_eq!(ToAgent::decode(frame(14, b"x")), malformed("ping"), "trailing bytes of an empty message");
    assert_eq!(ToAgent::decode(frame(5, &[1, 0])), malformed("credit"), "trailing bytes");
    assert_eq!(ToAgent::decode(frame(5, &[])), malformed("credit"), "too short");
    assert_eq!(ToAgent::decode(frame(5, &[0xff; 6])), malformed("credit"), "a number that is too large");
    assert_eq!(ToAgent::decode(frame(6, &[2, 0xff, 0xfe])), malformed("read file"), "no UTF-8");
    assert_eq!(ToAgent::decode(frame(6, &[9, b'a'])), malformed("read file"), "a length beyond the payload");
    assert_eq!(ToHost::decode(frame(4, &[2, 0])), malformed("exited"), "an unknown variant");
    assert_eq!(ToHost::decode(frame(8, &[2])), malformed("found"), "neither true nor false");
    // A count that would need gigabytes, in a payload of a few bytes.
    assert_eq!(ToHost::decode(frame(7, &[0xff, 0xff, 0xff, 0xff, 0x0f])), malformed("entries"));
    assert_eq!(ToAgent::decode(frame(1, &[0xff, 0xff, 0xff, 0xff, 0x0f])), malformed("run"));
}

/// SplitMix64: enough to spread, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Whatever decodes must encode to something that decodes to the same.
fn feed(bytes: &[u8]) -> usize {
    let mut decoder = Decoder::default();
    let mut understood = 0;
    for part in bytes.chunks(61) {
        decoder.push(part);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let id = frame.id;
            if let Ok(message) = ToAgent::decode(frame.clone()) {
                let mut again = Vec::new();
                message.encode(id, &mut again).expect("it came in a frame");
                let mut decoder = Decoder::default();
                decoder.push(&again);
                let frame = decoder.next_frame().expect("ours").expect("whole");
                assert_eq!(ToAgent::decode(frame), Ok(message));
                understood += 1;
            }
            let _ = ToHost::decode(frame);
        }
    }
    understood
}

#[test]
fn random_bytes_are_messages_or_errors() {
    let mut random = Random(1);
    let (_, valid) = stream();
    let mut understood = 0;
    for _ in 0..20_000 {
        // Half from nothing with plausible headers, half from a valid stream with a few bytes changed.
        let mut bytes = valid.clone();
        if random.below(2) == 0 {
            bytes = (0..random.below(200)).map(|_| random.next() as u8).collect();
            if let Some(header) = bytes.first_chunk_mut::<HEADER_LEN>() {
                header[..4].copy_from_slice(&(random.below(64) as u32).to_le_bytes());
                header[8] = random.below(17) as u8;
            }
        } else {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
        }
        understood += feed(&bytes);
    }
    assert!(understood > 10_000, "only {understood} messages: the bytes are too random to test much");
}
