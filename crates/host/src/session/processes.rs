//! What is told of a process of the sandbox.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    pub pid: u32,
    pub parent: u32,
    /// The kernel's letter.
    pub state: u8,
    /// Non-UTF-8 bytes are replaced.
    pub command: String,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    pub cpu_ms: u64,
    /// Bytes.
    pub memory: u64,
    /// The first process of a background command; over execs that is not known.
    pub background: bool,
}

impl ProcessInfo {
    /// The state in a word.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            b'R' => "running",
            b'D' => "waiting",
            b'T' | b't' => "stopped",
            b'Z' | b'X' | b'x' => "zombie",
            b'I' => "idle",
            _ => "sleeping",
        }
    }
}
