//! Any bytes, in any pieces, are frames and messages or an error; what is understood survives the way back.

#![no_main]

use computesdk_docker_protocol::{Decoder, Frame, ToAgent, ToHost};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (usize, &[u8])| {
    let (piece, bytes) = input;
    let mut decoder = Decoder::default();
    for part in bytes.chunks(piece % 64 + 1) {
        decoder.push(part);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => check(frame),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});

fn check(frame: Frame) {
    let id = frame.id;
    if let Ok(message) = ToHost::decode(frame.clone()) {
        let mut again = Vec::new();
        message.encode(id, &mut again).expect("it came in a frame");
        assert_eq!(ToHost::decode(reread(&again)), Ok(message));
    }
    if let Ok(message) = ToAgent::decode(frame) {
        let mut again = Vec::new();
        message.encode(id, &mut again).expect("it came in a frame");
        assert_eq!(ToAgent::decode(reread(&again)), Ok(message));
    }
}

fn reread(bytes: &[u8]) -> Frame {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    decoder.next_frame().expect("ours").expect("whole")
}
