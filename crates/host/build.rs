//! Embeds the agents that `scripts/agents.js` has built, with the hash of each. None is fine: the addon then runs
//! everything over plain execs.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

/// Docker's name of an architecture and the one in the file's name.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

/// Bytes of the hash that go into names: enough to tell versions apart.
const HASH_BYTES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let agents = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../agents");
    // The folder is always there, so that an agent which appears later is noticed.
    println!("cargo::rerun-if-changed={}", agents.display());
    let mut list = String::from("&[\n");
    for (arch, file_arch) in ARCHITECTURES {
        let file = agents.join(format!("computesdk-agent-{file_arch}"));
        if file.is_file() {
            writeln!(list, "{},", entry(arch, &file.canonicalize()?)?)?;
        }
    }
    list.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("agents.rs"), list)?;
    Ok(())
}

fn entry(arch: &str, file: &Path) -> Result<String, Box<dyn Error>> {
    let digest = Sha256::digest(fs::read(file)?);
    let hash = digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(format!("AgentBinary {{ arch: {arch:?}, version_hash: {hash:?}, bytes: include_bytes!({file:?}) }}"))
}
