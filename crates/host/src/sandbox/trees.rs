//! Whole folders of a sandbox: everything in one, and copies of it. Links are never followed. What is listed comes from
//! the agent, whose names are not trusted to be names.

use std::collections::VecDeque;

use computesdk_docker_protocol::{FileDetail, FileKind, Links};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::error::{Error, Result};
use crate::session::agent::AgentSession;
use crate::session::refused_as;

/// Requests of one call that are under way at a time.
pub(super) const AT_ONCE: usize = 8;
/// What a listing may take in memory: room for some millions of files.
const MAX_LISTING: usize = 512 * 1024 * 1024;
const NODE: usize = 256;

/// Something in a folder.
#[derive(Debug)]
pub(super) struct Node {
    /// Below the folder.
    pub(super) path: Vec<u8>,
    pub(super) detail: FileDetail,
}

impl Node {
    pub(super) fn kind(&self) -> FileKind {
        self.detail.stat.kind
    }
}

/// `folder` and a path below it; an empty one is the folder itself.
pub(super) fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    match (folder, path) {
        (_, b"") => folder.to_vec(),
        (b"", _) => path.to_vec(),
        _ if folder.ends_with(b"/") => [folder, path].concat(),
        _ => [folder, b"/", path].concat(),
    }
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// All that is below `root`, each folder before what is in it.
pub(super) async fn walk(agent: &AgentSession, root: &[u8]) -> Result<Vec<Node>> {
    let (mut found, mut size) = (Vec::new(), 0);
    let mut waiting = VecDeque::from([Vec::new()]);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(folder) = waiting.pop_front()
        {
            let path = join(root, &folder);
            running.push(async move { (folder, agent.details(&path).await) });
        }
        let Some((folder, details)) = running.next().await else { break };
        let details = match details {
            // Gone since its parent was read.
            Err(error) if !folder.is_empty() && matches!(error.code(), "ENOENT" | "ENOTDIR") => continue,
            details => details?,
        };
        for detail in details {
            if !is_name(&detail.name) {
                let what = "the agent listed something that is no file name".to_owned();
                return Err(Error::CannotRun { what });
            }
            let path = join(&folder, &detail.name);
            size += NODE + 2 * path.len();
            if detail.stat.kind == FileKind::Directory {
                waiting.push_back(path.clone());
            }
            found.push(Node { path, detail });
        }
        if size > MAX_LISTING {
            return Err(Error::CannotRun { what: "the folder holds too many files to list".to_owned() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// A file, a link, or a folder with all that is in it. Missing parents of `to` are made.
pub(super) async fn copy(agent: &AgentSession, from: &str, to: &str) -> Result<()> {
    let (source, target) = (from.as_bytes(), to.as_bytes());
    let stat = agent.stat(source, Links::Keep).await?;
    match stat.kind {
        FileKind::Other => Err(refused_as("EINVAL", "copyfile", from)),
        FileKind::Directory => copy_folder(agent, source, target).await,
        FileKind::File => {
            make_parents(agent, to).await?;
            agent.copy_file(source, target).await
        }
        FileKind::Link => {
            make_parents(agent, to).await?;
            replace_by_link(agent, &stat.target.unwrap_or_default(), target).await
        }
    }
}

/// A link in the place of whatever is there, unless that is a folder.
pub(super) async fn replace_by_link(agent: &AgentSession, target: &[u8], path: &[u8]) -> Result<()> {
    match agent.link(target, path).await {
        Err(error) if error.code() == "EEXIST" => {
            if agent.stat(path, Links::Keep).await?.kind == FileKind::Directory {
                return Err(error);
            }
            remove(agent, path).await?;
            agent.link(target, path).await
        }
        other => other,
    }
}

pub(super) async fn remove(agent: &AgentSession, path: &[u8]) -> Result<()> {
    match std::str::from_utf8(path) {
        Ok(path) => agent.remove(path).await,
        Err(_) => Err(refused_as("EEXIST", "rm", &String::from_utf8_lossy(path))),
    }
}

async fn make_parents(agent: &AgentSession, path: &str) -> Result<()> {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => agent.mkdir(parent).await,
        _ => Ok(()),
    }
}

async fn copy_folder(agent: &AgentSession, from: &[u8], to: &[u8]) -> Result<()> {
    let told = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let nodes = walk(agent, from).await?;
    if let Some(node) = nodes.iter().find(|node| node.kind() == FileKind::Other) {
        return Err(refused_as("EINVAL", "copyfile", &told(&join(from, &node.path))));
    }
    if is_inside(from, to) {
        return Err(refused_as("EINVAL", "copyfile", &told(from)));
    }
    let mode = agent.stat(from, Links::Follow).await?.mode;
    let mut made = Vec::new();
    if make_top(agent, to).await? {
        made.push((to.to_vec(), mode));
    }
    let mut copying = FuturesUnordered::new();
    for node in &nodes {
        let path = join(to, &node.path);
        if node.kind() == FileKind::Directory {
            if make_folder(agent, &path).await? {
                made.push((path, node.detail.stat.mode));
            }
            continue;
        }
        if copying.len() == AT_ONCE {
            copying.try_next().await?;
        }
        copying.push(copy_node(agent, from, node, path));
    }
    copying.try_collect::<()>().await?;
    set_modes(agent, made).await
}

async fn copy_node(agent: &AgentSession, from: &[u8], node: &Node, to: Vec<u8>) -> Result<()> {
    match &node.detail.stat.target {
        Some(link) => replace_by_link(agent, link, &to).await,
        None => agent.copy_file(&join(from, &node.path), &to).await,
    }
}

/// Whether `to` lies in the folder `from`, or is it.
/// By name alone: told in another way, it is copied as it was when it was listed.
fn is_inside(from: &[u8], to: &[u8]) -> bool {
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        let root = path.starts_with(b"/").then(Vec::new);
        let names = path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
        root.into_iter().chain(names.map(<[u8]>::to_vec)).collect()
    };
    parts(to).starts_with(&parts(from))
}

/// The top of a copy, with its parents; false when it is there already.
pub(super) async fn make_top(agent: &AgentSession, path: &[u8]) -> Result<bool> {
    match agent.stat(path, Links::Follow).await {
        Ok(stat) if stat.kind == FileKind::Directory => Ok(false),
        Ok(_) => Err(refused_as("ENOTDIR", "mkdir", &String::from_utf8_lossy(path))),
        Err(error) if error.code() == "ENOENT" => {
            agent.mkdir(&String::from_utf8_lossy(path)).await?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// False when the folder is there already. A link to one is none: what is copied stays below its top.
pub(super) async fn make_folder(agent: &AgentSession, path: &[u8]) -> Result<bool> {
    match agent.make_folder(path).await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == "EEXIST" => match agent.stat(path, Links::Keep).await?.kind {
            FileKind::Directory => Ok(false),
            _ => Err(refused_as("ENOTDIR", "mkdir", &String::from_utf8_lossy(path))),
        },
        Err(error) => Err(error),
    }
}

/// Once the folders are filled, innermost first: their modes may forbid what was done in them.
pub(super) async fn set_modes(agent: &AgentSession, folders: Vec<(Vec<u8>, u32)>) -> Result<()> {
    for (path, mode) in folders.into_iter().rev() {
        agent.chmod(&path, mode & 0o777).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        assert!([&b"a"[..], b"...", b"a\xff", b" ", b"-"].iter().all(|name| is_name(name)));
        assert!(![&b""[..], b".", b"..", b"a/b", b"/", b"../x", b"a\0"].iter().any(|name| is_name(name)));
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below_it() {
        for (from, to) in [("/a", "/a"), ("/a/", "/a/b"), ("a", "./a//b"), ("/", "/a"), ("/a/./b", "/a/b/c")]
        {
            assert!(is_inside(from.as_bytes(), to.as_bytes()), "{from} {to}");
        }
        for (from, to) in [("/a", "/ab"), ("/a/b", "/a"), ("a", "/a")] {
            assert!(!is_inside(from.as_bytes(), to.as_bytes()), "{from} {to}");
        }
    }

    #[test]
    fn paths_are_joined_once() {
        assert_eq!(join(b"/a", b"b/c"), b"/a/b/c");
        assert_eq!(join(b"/", b"b"), b"/b");
        assert_eq!(join(b"", b"b"), b"b");
        assert_eq!(join(b"/a", b""), b"/a");
    }
}
