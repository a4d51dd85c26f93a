//! Embeds the agents that `scripts/agents.js` has built, compressed, with the hash of each. None is fine: the addon then
//! runs everything over plain execs.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Docker's name of an architecture and the one in the file's name.
const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

/// Bytes of the hash that go into names: enough to tell versions apart.
const HASH_BYTES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let agents = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../agents");
    // The folder is always there, so that an agent which appears later is noticed.
    println!("cargo::rerun-if-changed={}", agents.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut list = String::from("&[\n");
    for (arch, file_arch) in ARCHITECTURES {
        let file = agents.join(format!("computesdk-agent-{file_arch}"));
        if file.is_file() {
            writeln!(list, "{},", entry(arch, &file, &out.join(format!("{arch}.gz")))?)?;
        }
    }
    list.push(']');
    fs::write(out.join("agents.rs"), list)?;
    Ok(())
}

fn entry(arch: &str, file: &Path, packed: &Path) -> Result<String, Box<dyn Error>> {
    let program = fs::read(file)?;
    let hash = Sha256::digest(&program);
    let hash = hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&program)?;
    fs::write(packed, encoder.finish()?)?;
    Ok(format!(
        "AgentBinary {{ arch: {arch:?}, version_hash: {hash:?}, packed: include_bytes!({packed:?}) }}"
    ))
}
