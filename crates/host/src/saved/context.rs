//! A build's context as a tar archive: a folder of the host, or files given as they are, and the Dockerfile, which the
//! image itself does not get to see.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::ignore::Ignore;
use crate::error::{Error, Result};

const IGNORE_FILE: &str = ".dockerignore";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Context {
    Folder(String),
    Files(Vec<ContextFile>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextFile {
    pub path: String,
    pub base64: String,
}

/// An archive, and the name of the Dockerfile in it.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) tar: Bytes,
    pub(super) dockerfile: String,
    /// The images that the Dockerfile starts from, as far as it names them.
    pub(super) bases: Vec<String>,
}

type Tar = tar::Builder<Vec<u8>>;

/// Reads files, so it blocks.
pub(super) fn pack(context: Option<&Context>, dockerfile: &str) -> Result<Packed> {
    let name = format!(".computesdk-{:016x}.dockerfile", rand::random::<u64>());
    let mut tar = Tar::new(Vec::new());
    let mut ignored = String::new();
    match context {
        Some(Context::Folder(folder)) => ignored = add_folder(&mut tar, Path::new(folder))?,
        Some(Context::Files(files)) => files.iter().try_for_each(|file| add_given(&mut tar, file))?,
        None => {}
    }
    // The builder drops these two before it copies anything, for they ignore themselves.
    ignored.push_str(&format!("\n{name}\n{IGNORE_FILE}\n"));
    add(&mut tar, &name, dockerfile.as_bytes())?;
    add(&mut tar, IGNORE_FILE, ignored.as_bytes())?;
    let tar = tar.into_inner().map_err(|error| unreadable("context", &error.to_string()))?.into();
    Ok(Packed { tar, dockerfile: name, bases: bases(dockerfile) })
}

/// Images after `FROM`; one that is put together of arguments is not known before the build.
fn bases(dockerfile: &str) -> Vec<String> {
    let from = |line: &str| {
        let mut words = line.split_whitespace();
        let is_from = words.next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
        words.find(|word| is_from && !word.starts_with("--")).map(str::to_owned)
    };
    let mut bases: Vec<String> = dockerfile.lines().filter_map(from).collect();
    bases.retain(|image| image != "scratch" && !image.contains('$'));
    bases.dedup();
    bases
}

/// The text of a Dockerfile that is part of the context.
pub(super) fn read_dockerfile(context: Option<&Context>, path: &str) -> Result<String> {
    let text = match context {
        None => return Err(unreadable("dockerfile", "a path needs a context that it is in")),
        Some(Context::Folder(folder)) => {
            std::fs::read(Path::new(folder).join(path)).map_err(|error| error.to_string())
        }
        Some(Context::Files(files)) => files
            .iter()
            .find(|file| file.path == path)
            .ok_or_else(|| "no such file".to_owned())
            .and_then(|file| STANDARD.decode(&file.base64).map_err(|error| error.to_string())),
    };
    let text = text.map_err(|why| unreadable("dockerfile", &format!("cannot read {path:?}: {why}")))?;
    String::from_utf8(text).map_err(|_| unreadable("dockerfile", &format!("{path:?} is no text")))
}

fn unreadable(path: &str, problem: &str) -> Error {
    Error::InvalidConfig { path: path.to_owned(), problem: problem.to_owned() }
}

fn add(tar: &mut Tar, path: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    let added = tar.append_data(&mut header, path, bytes);
    added.map_err(|error| unreadable("context", &format!("{path:?}: {error}")))
}

fn add_given(tar: &mut Tar, file: &ContextFile) -> Result<()> {
    let parts = file.path.split('/');
    if file.path.contains('\0') || parts.into_iter().any(|part| matches!(part, "" | "." | "..")) {
        return Err(unreadable("context", &format!("expected a relative path, got {:?}", file.path)));
    }
    let bytes = STANDARD.decode(&file.base64).map_err(|error| unreadable("context", &error.to_string()))?;
    add(tar, &file.path, &bytes)
}

/// Answers the text of the folder's own `.dockerignore`.
fn add_folder(tar: &mut Tar, folder: &Path) -> Result<String> {
    let text = match std::fs::read_to_string(folder.join(IGNORE_FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable("context", &format!("{IGNORE_FILE}: {error}"))),
    };
    let ignore =
        Ignore::parse(&text).map_err(|why| unreadable("context", &format!("{IGNORE_FILE}: {why}")))?;
    let mut walk = Walk { tar, ignore: &ignore };
    walk.folder(folder, "")?;
    Ok(text)
}

struct Walk<'a> {
    tar: &'a mut Tar,
    ignore: &'a Ignore,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let failed = |error: std::io::Error| unreadable("context", &format!("{}: {error}", folder.display()));
        let mut entries =
            std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(unreadable("context", &format!("{} is no UTF-8", entry.path().display())));
            };
            let path = format!("{prefix}{name}");
            if path != IGNORE_FILE {
                self.entry(&entry.path(), &path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, at: &Path, path: &str) -> Result<()> {
        let failed = |error: std::io::Error| unreadable("context", &format!("{}: {error}", at.display()));
        let left_out = self.ignore.leaves_out(path);
        let meta = std::fs::symlink_metadata(at).map_err(failed)?;
        if meta.is_dir() {
            if !left_out {
                self.append(&meta, |tar, header| tar.append_data(header, path, std::io::empty()))
                    .map_err(failed)?;
            }
            let enter = !left_out || self.ignore.has_exceptions();
            return if enter { self.folder(at, &format!("{path}/")) } else { Ok(()) };
        }
        if left_out {
            return Ok(());
        }
        if meta.is_symlink() {
            let target = std::fs::read_link(at).map_err(failed)?;
            return self.append(&meta, |tar, header| tar.append_link(header, path, target)).map_err(failed);
        }
        if !meta.is_file() {
            return Err(unreadable("context", &format!("{}: neither file, folder nor link", at.display())));
        }
        let file = std::fs::File::open(at).map_err(failed)?;
        self.append(&meta, |tar, header| tar.append_data(header, path, Exactly::new(file, meta.len())))
            .map_err(failed)
    }

    /// As the docker command sends it: owned by root, the rest as it is.
    fn append(
        &mut self,
        meta: &std::fs::Metadata,
        put: impl FnOnce(&mut Tar, &mut tar::Header) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_metadata(meta);
        header.set_uid(0);
        header.set_gid(0);
        put(self.tar, &mut header)
    }
}

/// A file that grows or shrinks while it is read must not shift what follows in the archive.
struct Exactly {
    file: std::io::Take<std::fs::File>,
    missing: u64,
}

impl Exactly {
    fn new(file: std::fs::File, length: u64) -> Self {
        Self { file: std::io::Read::take(file, length), missing: length }
    }
}

impl std::io::Read for Exactly {
    fn read(&mut self, mut buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut count = self.file.read(buffer)?;
        if count == 0 && self.missing > 0 && !buffer.is_empty() {
            let zeros = buffer.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
            count = buffer.write(&vec![0; zeros])?;
        }
        self.missing -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_what_a_dockerfile_starts_from() {
        let text = "# FROM no\nARG V=1\nfrom --platform=linux/amd64 r.example:5000/a:1 AS b\nFROM x:$V\nFROM scratch\nRUN FROM y";
        assert_eq!(bases(text), ["r.example:5000/a:1"]);
    }

    #[test]
    fn a_file_that_shrinks_leaves_the_archive_whole() {
        let path = std::env::temp_dir().join(format!("csdk-shrunk-{}", std::process::id()));
        std::fs::write(&path, b"abc").unwrap();
        let mut read = Vec::new();
        let file = std::fs::File::open(&path).unwrap();
        std::io::Read::read_to_end(&mut Exactly::new(file, 5), &mut read).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(read, b"abc\0\0");
    }
}
