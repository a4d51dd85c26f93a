//! The host's side of uploads and downloads: its files, and its errors in Node's words.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::session::refused_as;

/// Bytes that are read or written at once: the system's calls block, and leave the async workers for that.
const PIECE: usize = 512 * 1024;

/// A file being read.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: Option<File>,
    left: u64,
}

impl Source {
    /// The first `size` bytes of a file.
    pub(super) fn open(path: &Path, size: u64) -> Result<Self> {
        let file = File::open(path).map_err(|error| refused(&error, "open", path))?;
        Ok(Self { path: path.to_owned(), file: Some(file), left: size })
    }

    /// The next bytes; none at the end.
    pub(super) async fn read(&mut self) -> Result<Vec<u8>> {
        let room = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        let Some(mut file) = self.file.take().filter(|_| room > 0) else { return Ok(Vec::new()) };
        let (file, piece) = blocking(move || {
            let mut piece = vec![0; room];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            Ok((file, piece))
        })
        .await
        .map_err(|error| refused(&error, "read", &self.path))?;
        self.file = Some(file);
        self.left -= piece.len() as u64;
        Ok(piece)
    }
}

/// A file being written under a name of its own until it is whole; removed if it never is.
#[derive(Debug)]
pub(super) struct Unfinished {
    target: PathBuf,
    path: PathBuf,
    file: Option<File>,
    kept: Vec<u8>,
}

impl Unfinished {
    pub(super) fn beside(target: &Path) -> Result<Self> {
        let path = target.with_file_name(format!(".computesdk-{:016x}", rand::random::<u64>()));
        let file = File::options().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| refused(&error, "open", target))?;
        Ok(Self { target: target.to_owned(), path, file: Some(file), kept: Vec::new() })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() < PIECE { Ok(()) } else { self.flush().await }
    }

    /// Gives it its permission bits and its name.
    pub(super) async fn finish(mut self, permissions: u32) -> Result<()> {
        self.flush().await?;
        self.file = None;
        set_mode(&self.path, permissions).map_err(|error| refused(&error, "chmod", &self.target))?;
        std::fs::rename(&self.path, &self.target).map_err(|error| refused(&error, "rename", &self.target))
    }

    async fn flush(&mut self) -> Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let kept = std::mem::take(&mut self.kept);
        let written = blocking(move || {
            file.write_all(&kept)?;
            Ok((file, kept))
        });
        let (file, mut kept) = written.await.map_err(|error| refused(&error, "write", &self.target))?;
        kept.clear();
        (self.file, self.kept) = (Some(file), kept);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Finished, it has another name.
        _ = std::fs::remove_file(&self.path);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
}

/// What the host's system refused.
pub(super) fn refused(error: &io::Error, syscall: &'static str, path: &Path) -> Error {
    let code = match error.kind() {
        ErrorKind::NotFound => "ENOENT",
        ErrorKind::PermissionDenied => "EACCES",
        ErrorKind::AlreadyExists => "EEXIST",
        ErrorKind::NotADirectory => "ENOTDIR",
        ErrorKind::IsADirectory => "EISDIR",
        ErrorKind::DirectoryNotEmpty => "ENOTEMPTY",
        ErrorKind::StorageFull => "ENOSPC",
        ErrorKind::QuotaExceeded => "EDQUOT",
        ErrorKind::FileTooLarge => "EFBIG",
        ErrorKind::ReadOnlyFilesystem => "EROFS",
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => "EINVAL",
        ErrorKind::UnexpectedEof => "EIO",
        _ => {
            return Error::CannotRun { what: format!("{syscall} '{}' failed here: {error}", path.display()) };
        }
    };
    refused_as(code, syscall, &path.to_string_lossy())
}

/// A name from elsewhere as one of this system's; `None` when it is none here, as `a\b` on Windows.
pub(super) fn name(bytes: &[u8]) -> Option<std::ffi::OsString> {
    #[cfg(unix)]
    let name = {
        use std::os::unix::ffi::OsStrExt as _;
        std::ffi::OsStr::from_bytes(bytes).to_owned()
    };
    #[cfg(not(unix))]
    let name = std::ffi::OsString::from(std::str::from_utf8(bytes).ok()?);
    let mut parts = Path::new(&name).components();
    let is_one =
        matches!(parts.next(), Some(Component::Normal(part)) if part == name) && parts.next().is_none();
    is_one.then_some(name)
}

/// A path of this system as bytes for the sandbox.
pub(super) fn bytes(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        path.as_os_str().as_bytes().to_vec()
    }
    #[cfg(not(unix))]
    path.to_string_lossy().replace('\\', "/").into_bytes()
}

/// Permission bits of a file here.
pub(super) fn mode(metadata: &std::fs::Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.permissions().mode() & 0o777
    }
    #[cfg(not(unix))]
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

/// Where this system has such bits.
pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o777))
    }
    #[cfg(not(unix))]
    {
        _ = (path, mode);
        Ok(())
    }
}

/// A link that holds `target`, in the place of a file or link that is there.
pub(super) fn link(target: &[u8], path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let target = std::ffi::OsStr::from_bytes(target);
        match std::os::unix::fs::symlink(target, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // Refuses a folder.
                std::fs::remove_file(path)?;
                std::os::unix::fs::symlink(target, path)
            }
            other => other,
        }
    }
    #[cfg(not(unix))]
    {
        _ = (target, path);
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for bad in [&b""[..], b".", b"..", b"/", b"a/b", b"../a", b"/a"] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
        assert_eq!(name(b"a b"), Some("a b".into()));
    }
}
