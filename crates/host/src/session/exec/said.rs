//! Tells what a program prints from what our own script says, and from what the OCI runtime says when there was no
//! program at all. Pure: chunks in, the caller's chunks out.

use bytes::{Bytes, BytesMut};

use crate::chunk::{Chunk, Stream};

/// How complaints of Docker and its OCI runtime begin, which are printed as if they were the program's output.
const COMPLAINTS: [&[u8]; 4] = [
    b"OCI runtime exec failed",
    b"cannot exec in a stopped ",
    b"uids and gids must be in range",
    b"unable to find ",
];
const MAX_COMPLAINT: usize = 1024;

#[derive(Debug)]
pub(super) struct Said {
    /// Random, so that no program can say it.
    mark: Vec<u8>,
    /// The beginning of stderr, for as long as it may be the mark.
    held: BytesMut,
    decided: bool,
    refusal: Option<Vec<u8>>,
    /// The beginning of stdout, for as long as all of it may be a complaint.
    complaint: Option<Vec<u8>>,
}

impl Said {
    pub(super) fn new(mark: &str) -> Self {
        Self {
            mark: mark.as_bytes().to_vec(),
            held: BytesMut::new(),
            decided: mark.is_empty(),
            refusal: None,
            complaint: Some(Vec::new()),
        }
    }

    /// What of a chunk is the caller's.
    pub(super) fn hear(&mut self, chunk: Chunk) -> Option<Chunk> {
        if chunk.stream == Stream::Stdout {
            self.note(&chunk.data);
            return Some(chunk);
        }
        if let Some(refusal) = &mut self.refusal {
            refusal.extend_from_slice(&chunk.data);
            return None;
        }
        if self.decided {
            self.complaint = None;
            return Some(chunk);
        }
        self.held.extend_from_slice(&chunk.data);
        if let Some(refusal) = self.held.strip_prefix(&self.mark[..]) {
            self.refusal = Some(refusal.to_vec());
            return None;
        }
        if self.mark.starts_with(&self.held) {
            return None;
        }
        self.held_back()
    }

    /// What was held back and turned out to be the program's.
    pub(super) fn held_back(&mut self) -> Option<Chunk> {
        if self.refusal.is_some() || self.held.is_empty() {
            return None;
        }
        self.decided = true;
        self.complaint = None;
        Some(Chunk { stream: Stream::Stderr, data: self.held.split().freeze() })
    }

    fn note(&mut self, data: &Bytes) {
        let Some(complaint) = &mut self.complaint else { return };
        complaint.extend_from_slice(data);
        let begins = |words: &&[u8]| complaint.starts_with(words) || words.starts_with(complaint);
        if !COMPLAINTS.iter().any(begins) || complaint.len() > MAX_COMPLAINT {
            self.complaint = None;
        }
    }

    /// Why our script could not run the program.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.as_ref().map(|refusal| String::from_utf8_lossy(refusal).into_owned())
    }

    /// The OCI runtime's complaint, if that is all there was.
    pub(super) fn complaint(&self) -> Option<String> {
        let is_whole = |text: &&Vec<u8>| COMPLAINTS.iter().any(|words| text.starts_with(words));
        let complaint = self.complaint.as_ref().filter(is_whole)?;
        Some(String::from_utf8_lossy(complaint).chars().filter(|c| !c.is_control()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(stream: Stream, data: &str) -> Chunk {
        Chunk { stream, data: Bytes::copy_from_slice(data.as_bytes()) }
    }

    /// What the caller gets of stderr, and the refusal.
    fn hear(chunks: &[&str]) -> (String, Option<String>) {
        let mut said = Said::new("mark:");
        let mut text = String::new();
        let mut keep = |chunk: Option<Chunk>| {
            text.extend(chunk.map(|chunk| String::from_utf8_lossy(&chunk.data).into_owned()));
        };
        for data in chunks {
            keep(said.hear(chunk(Stream::Stderr, data)));
        }
        keep(said.held_back());
        (text, said.refusal())
    }

    #[test]
    fn what_our_script_says_is_not_the_programs_however_it_is_cut() {
        let refused = (String::new(), Some("chdir ENOENT".to_owned()));
        assert_eq!(hear(&["mark:chdir ENOENT"]), refused);
        assert_eq!(hear(&["ma", "rk:chdir", " ENOENT"]), refused);
        assert_eq!(hear(&["mar"]), ("mar".to_owned(), None));
        assert_eq!(hear(&["mar", "vel", "mark:x"]), ("marvelmark:x".to_owned(), None));
        assert_eq!(hear(&["x mark:"]), ("x mark:".to_owned(), None));
    }

    #[test]
    fn only_a_complaint_alone_is_one() {
        let complaint = |chunks: &[(Stream, &str)]| {
            let mut said = Said::new("mark:");
            for (stream, data) in chunks {
                said.hear(chunk(*stream, data));
            }
            said.complaint()
        };
        let text = "OCI runtime exec failed: no such file\r\n";
        assert_eq!(complaint(&[(Stream::Stdout, text)]).as_deref(), Some(text.trim_end()));
        assert_eq!(
            complaint(&[(Stream::Stdout, "OCI run"), (Stream::Stdout, "time exec failed")]).as_deref(),
            Some("OCI runtime exec failed")
        );
        assert_eq!(complaint(&[(Stream::Stdout, "so: "), (Stream::Stdout, text)]), None);
        assert_eq!(complaint(&[(Stream::Stdout, text), (Stream::Stderr, "x")]), None);
        assert_eq!(complaint(&[(Stream::Stdout, "OCI runtime")]), None);
        assert_eq!(complaint(&[(Stream::Stdout, &text.repeat(100))]), None);
    }
}
