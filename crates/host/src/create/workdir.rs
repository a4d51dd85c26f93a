//! Gives a workdir that the image lacks to the container's user. The engine makes such a folder as root's, where the
//! user could write nothing. As far as it can be done: a read-only root file system keeps it as it is.

use std::io::Read as _;

use bytes::Bytes;
use serde_json::Value;

use crate::docker::{Engine, Method, RawRequest};

/// `body` is what the container was created from; it has not been started yet.
pub(super) async fn give_to_user(engine: &Engine, id: &str, body: &Value) {
    let (Some(user), Some(workdir)) = (body["User"].as_str(), body["WorkingDir"].as_str()) else { return };
    let workdir = workdir.trim_end_matches('/');
    if is_root(user) || !was_made(engine, id, workdir).await {
        return;
    }
    let Some((parent, name)) = workdir.rsplit_once('/') else { return };
    let Some((uid, gid)) = numbers(engine, id, user).await else { return };
    if let Some(tar) = folder(name, uid, gid) {
        _ = engine.put_archive(id, if parent.is_empty() { "/" } else { parent }, tar).await;
    }
}

fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("" | "root" | "0"))
}

/// Whether the engine made the folder: it is new against the image.
async fn was_made(engine: &Engine, id: &str, workdir: &str) -> bool {
    let request = RawRequest::new(Method::Get, format!("/containers/{id}/changes"));
    let Ok(answer) = engine.request(request).await else { return false };
    let changes: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_it = |change: &Value| change["Kind"] == 1 && change["Path"] == workdir;
    changes.as_array().is_some_and(|changes| changes.iter().any(is_it))
}

/// As the engine finds them: by name or number, the group from the user's entry where none is named.
async fn numbers(engine: &Engine, id: &str, user: &str) -> Option<(u64, u64)> {
    let (user, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    if let (Ok(uid), Some(Ok(gid))) = (user.parse(), group.map(str::parse)) {
        return Some((uid, gid));
    }
    let users = file(engine, id, "/etc/passwd").await.unwrap_or_default();
    let (uid, own_group) = match (entry(&users, user), user.parse()) {
        (Some(fields), _) => (fields.first()?.parse().ok()?, fields.get(1)?.parse().ok()?),
        (None, Ok(uid)) => (uid, 0),
        (None, Err(_)) => return None,
    };
    let gid = match group {
        None => own_group,
        Some(group) => match group.parse() {
            Ok(gid) => gid,
            Err(_) => {
                let groups = file(engine, id, "/etc/group").await?;
                entry(&groups, group)?.first()?.parse().ok()?
            }
        },
    };
    Some((uid, gid))
}

/// The fields after the password of the line that is about `who`, by name or by number.
fn entry(lines: &str, who: &str) -> Option<Vec<String>> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = lines.lines().map(fields).collect();
    let named = lines.iter().find(|fields| fields.first().is_some_and(|name| name == who));
    let numbered = || lines.iter().find(|fields| fields.get(2).is_some_and(|number| number == who));
    named.or_else(numbered).and_then(|fields| fields.get(2..)).map(<[String]>::to_vec)
}

async fn file(engine: &Engine, id: &str, path: &str) -> Option<String> {
    let request = RawRequest::new(Method::Get, format!("/containers/{id}/archive")).query("path", path);
    let answer = engine.request(request).await.ok().filter(|answer| answer.status == 200)?;
    let mut archive = tar::Archive::new(&answer.body[..]);
    let mut content = String::new();
    archive.entries().ok()?.next()?.ok()?.read_to_string(&mut content).ok()?;
    Some(content)
}

fn folder(name: &str, uid: u64, gid: u64) -> Option<Bytes> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_uid(uid);
    header.set_gid(gid);
    header.set_mtime(u64::try_from(time::OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default());
    header.set_size(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, format!("{name}/"), std::io::empty()).ok()?;
    tar.into_inner().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_name_before_number() {
        let lines = "root:x:0:0:root:/root:/bin/sh\n7:x:9:8::/:\nuser:x:7:70::/:\n\nbroken\n";
        let numbers = |who| entry(lines, who).map(|fields| fields[..2].join(" "));
        assert_eq!(numbers("user").as_deref(), Some("7 70"));
        assert_eq!(numbers("7").as_deref(), Some("9 8"));
        assert_eq!(numbers("9").as_deref(), Some("9 8"));
        assert_eq!(numbers("nobody"), None);
    }

    #[test]
    fn root_needs_nothing() {
        assert!(["", "root", "0", "0:0", "root:staff"].iter().all(|user| is_root(user)));
        assert!(!["nobody", "1000", "1000:0"].iter().any(|user| is_root(user)));
    }
}
