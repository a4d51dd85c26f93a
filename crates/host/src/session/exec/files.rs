//! Files over execs: a small script for each call, paths as its arguments.

use bytes::Bytes;

use super::shell::{Script, as_operand};
use super::{ExecSession, complaint, list};
use crate::error::{Error, Result};
use crate::session::{Entry, FileStat, Links};

const READ: &str = include_str!("scripts/read.sh");
const WRITE: &str = include_str!("scripts/write.sh");
const LIST: &str = include_str!("scripts/list.sh");
const STAT: &str = include_str!("scripts/stat.sh");
const RENAME: &str = include_str!("scripts/rename.sh");
const COPY: &str = include_str!("scripts/copy.sh");

/// A file call: what it is called here and in Node, and the path it is about.
struct Call<'a> {
    name: &'static str,
    syscall: &'static str,
    path: &'a str,
}

impl ExecSession {
    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        let read = self.file(Call { name: "readFile", syscall: "open", path }, script(READ, path)).await;
        read.map_err(|error| match error {
            // A folder can be opened; it is reading it that fails.
            Error::System { code: code @ "EISDIR", message, path, .. } => {
                Error::System { code, message, syscall: "read", path }
            }
            error => error,
        })
    }

    /// Makes missing parent folders.
    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        let operand = as_operand(path);
        let folder = operand.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { "/" } else { folder }.to_owned();
        let script = Script { args: vec![operand, folder], stdin: Some(content), ..script(WRITE, path) };
        let written = self.file(Call { name: "writeFile", syscall: "open", path }, script).await;
        written.map(drop).map_err(|error| match error {
            // Opening a file takes no space; it is what comes then that does.
            Error::System { code: code @ ("ENOSPC" | "EDQUOT" | "EFBIG"), message, path, .. } => {
                Error::System { code, message, syscall: "write", path }
            }
            error => error,
        })
    }

    pub async fn mkdir(&self, path: &str) -> Result<()> {
        let script = script(r#"exec mkdir -p "$1""#, path);
        self.file(Call { name: "mkdir", syscall: "mkdir", path }, script).await.map(drop)
    }

    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        let listing =
            self.file(Call { name: "readdir", syscall: "scandir", path }, script(LIST, path)).await?;
        list::entries(&listing)
            .ok_or_else(|| self.lost("readdir", "stat printed something that is no listing"))
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.script("exists", script(r#"[ -e "$1" ]"#, path)).await?.code == 0)
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        // With a slash at its end, a link would be what it points to.
        let path_itself = Some(path.trim_end_matches('/')).filter(|path| !path.is_empty()).unwrap_or("/");
        let script = script(r#"exec rm -rf "$1""#, path_itself);
        self.file(Call { name: "remove", syscall: "rm", path }, script).await.map(drop)
    }

    pub async fn stat(&self, path: &str, links: Links) -> Result<FileStat> {
        let option = if links == Links::Follow { "-L" } else { "" };
        let stat = Script { args: vec![as_operand(path), option.to_owned()], ..script(STAT, path) };
        let printed = self.file(Call { name: "stat", syscall: "stat", path }, stat).await?;
        list::stat(&printed).ok_or_else(|| self.lost("stat", "stat printed something that is no status"))
    }

    pub async fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        let mode = format!("{:04o}", mode & 0o7777);
        let script = Script { args: vec![as_operand(path), mode], ..script(r#"exec chmod "$2" "$1""#, path) };
        self.file(Call { name: "chmod", syscall: "chmod", path }, script).await.map(drop)
    }

    pub async fn rename(&self, path: &str, to: &str) -> Result<()> {
        let script = Script { args: vec![as_operand(path), as_operand(to)], ..script(RENAME, path) };
        self.file(Call { name: "rename", syscall: "rename", path }, script).await.map(drop)
    }

    /// A file, a link, or a folder with all that is in it.
    pub async fn copy(&self, path: &str, to: &str) -> Result<()> {
        let script = Script { args: vec![as_operand(path), as_operand(to)], ..script(COPY, path) };
        self.file(Call { name: "copy", syscall: "copyfile", path }, script).await.map(drop)
    }

    async fn file(&self, call: Call<'_>, script: Script) -> Result<Bytes> {
        let printed = self.script(call.name, script).await?;
        self.killed_by_itself(call.name, printed.code).await?;
        match printed.code {
            0 => Ok(printed.stdout),
            _ => Err(complaint::error(&printed.stderr, call.syscall, call.path)),
        }
    }
}

fn script(text: &'static str, path: &str) -> Script {
    Script { text, args: vec![as_operand(path)], env: english(), ..Script::default() }
}

/// The texts of errors are read.
fn english() -> Vec<String> {
    vec!["LC_ALL=C".to_owned()]
}
