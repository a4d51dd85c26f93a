//! The agents that this addon carries, by architecture. Knows nothing of how one gets into a container.

use std::fmt;
use std::io::{self, Read};

use flate2::read::GzDecoder;

/// A static Linux program: `serve` and `init` (crates/agent).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgentBinary {
    /// Docker's name of the architecture: `amd64` or `arm64`.
    pub(crate) arch: &'static str,
    /// Differs whenever the program does.
    pub(crate) version_hash: &'static str,
    /// The program, by gzip: an engine gets it once, while every user installs and loads it.
    packed: &'static [u8],
}

impl AgentBinary {
    pub(crate) fn program(&self) -> io::Result<Vec<u8>> {
        let mut program = Vec::new();
        GzDecoder::new(self.packed).read_to_end(&mut program)?;
        Ok(program)
    }
}

impl fmt::Debug for AgentBinary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentBinary({} {}, {} bytes packed)", self.arch, self.version_hash, self.packed.len())
    }
}

const EMBEDDED: &[AgentBinary] = include!(concat!(env!("OUT_DIR"), "/agents.rs"));

/// The agent for an architecture as Docker names it; `None` when this addon was built without.
#[must_use]
pub(crate) fn agent_for(arch: &str) -> Option<AgentBinary> {
    EMBEDDED.iter().find(|agent| agent.arch == arch).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit of what the addon carries per architecture.
    const LARGEST: usize = 1_300_000;

    const MACHINES: [(&str, u16); 2] = [("amd64", 62), ("arm64", 183)];

    fn u16_at(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([bytes[at], bytes[at + 1]])
    }

    /// Types of the program headers of a 64-bit little-endian ELF file.
    fn segments(bytes: &[u8]) -> Vec<u32> {
        let table = u64::from_le_bytes(*bytes[32..].first_chunk().expect("a header")) as usize;
        let (size, count) = (usize::from(u16_at(bytes, 54)), usize::from(u16_at(bytes, 56)));
        let kind = |n: usize| u32::from_le_bytes(*bytes[table + n * size..].first_chunk().expect("an entry"));
        (0..count).map(kind).collect()
    }

    #[test]
    fn every_agent_is_small_static_and_of_its_architecture() {
        const INTERPRETER: u32 = 3;
        for (arch, machine) in MACHINES {
            let Some(agent) = agent_for(arch) else {
                eprintln!(
                    "skipped for {arch}: no agent in agents/, `node scripts/agents.js` builds what it can"
                );
                continue;
            };
            let program = agent.program().expect("it unpacks");
            assert_eq!(&program[..5], b"\x7fELF\x02", "{arch}");
            assert_eq!(u16_at(&program, 18), machine, "{arch}");
            let segments = segments(&program);
            assert!(!segments.is_empty() && !segments.contains(&INTERPRETER), "{arch}: {segments:?}");
            assert!(program.len() < LARGEST, "{arch}: {} bytes", program.len());
            assert_eq!(agent.version_hash.len(), 16, "{arch}");
        }
    }

    #[test]
    fn an_unknown_architecture_has_no_agent() {
        assert_eq!(agent_for("riscv64"), None);
        assert_eq!(agent_for("x86_64"), None, "Docker's names only");
    }
}
