//! Reads what list.sh prints.

use crate::session::{Entry, EntryKind, FileKind, FileStat};

const FORMAT: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The entries, sorted by name; `None` for what no `stat` prints.
pub(super) fn entries(listing: &[u8]) -> Option<Vec<Entry>> {
    let mut parts = listing.split(|byte| *byte == b'/');
    let mut facts = parts.next()?.to_vec();
    let mut entries = Vec::new();
    for part in parts {
        // What follows a slash is a name, a line end and, unless it was the last, the facts of the next.
        let end = part.iter().rposition(|byte| *byte == b'\n')?;
        entries.push(entry(&part[..end], &facts)?);
        facts = part[end + 1..].to_vec();
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    facts.is_empty().then_some(entries)
}

/// `mode size seconds date time zone .`, where the time may have a fraction.
fn entry(name: &[u8], facts: &[u8]) -> Option<Entry> {
    let mut facts = std::str::from_utf8(facts).ok()?.split(' ');
    let mode = u32::from_str_radix(facts.next()?, 16).ok()?;
    let size = facts.next()?.parse().ok()?;
    let seconds: i64 = facts.next()?.parse().ok()?;
    let fraction = facts.nth(1)?.split_once('.').and_then(|(_, digits)| digits.get(..3)?.parse::<i64>().ok());
    let kind = if mode & FORMAT == FOLDER { EntryKind::Directory } else { EntryKind::File };
    let modified_ms = seconds * 1000 + fraction.unwrap_or(0);
    Some(Entry { name: String::from_utf8_lossy(name).into_owned(), kind, size, modified_ms })
}

/// What stat.sh prints; `None` for anything else.
pub(super) fn stat(printed: &[u8]) -> Option<FileStat> {
    let end = printed.iter().position(|byte| *byte == b'\n')?;
    let mut facts = std::str::from_utf8(&printed[..end]).ok()?.split(' ');
    let mode = u32::from_str_radix(facts.next()?, 16).ok()?;
    let kind = match mode & FORMAT {
        FOLDER => FileKind::Directory,
        FILE => FileKind::File,
        LINK => FileKind::Link,
        _ => FileKind::Other,
    };
    let size = facts.next()?.parse().ok()?;
    let mut seconds = || facts.next()?.parse::<i64>().ok();
    let (modified, accessed, changed) = (seconds()?, seconds()?, seconds()?);
    let target = printed[end + 1..].strip_suffix(b"\n").map(<[u8]>::to_vec);
    Some(FileStat {
        kind,
        size,
        mode: mode & 0o7777,
        uid: facts.next()?.parse().ok()?,
        gid: facts.next()?.parse().ok()?,
        modified_ms: modified * 1000,
        accessed_ms: accessed * 1000,
        changed_ms: changed * 1000,
        target: target.filter(|_| kind == FileKind::Link),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_anything() {
        let listing = b"81a4 5 10 1970-01-01 00:00:10.123456789 +0000 ./b\n81a4 5 10 x\n\
            41ed 4096 20 1970-01-01 00:00:20 +0000 ./-a\n\
            a1ff 4 30 1970-01-01 00:00:30.999 +0000 ./\xff\n";
        let entries = entries(listing).expect("entries");
        let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.kind, e.size, e.modified_ms)).collect();
        assert_eq!(
            seen,
            [
                ("-a", EntryKind::Directory, 4096, 20_000),
                ("b\n81a4 5 10 x", EntryKind::File, 5, 10_123),
                ("\u{fffd}", EntryKind::File, 4, 30_999),
            ]
        );
    }

    #[test]
    fn a_status_has_its_facts_and_a_links_target() {
        let file = stat(b"81a4 5 10 11 12 1 2\n").expect("a status");
        assert_eq!((file.kind, file.size, file.mode, file.uid, file.gid), (FileKind::File, 5, 0o644, 1, 2));
        assert_eq!((file.modified_ms, file.accessed_ms, file.changed_ms), (10_000, 11_000, 12_000));
        let link = stat(b"a1ff 4 1 2 3 0 0\nto\nhere\n").expect("a status");
        assert_eq!((link.kind, link.target.as_deref()), (FileKind::Link, Some(&b"to\nhere"[..])));
        assert!(stat(b"").is_none() && stat(b"81a4 5\n").is_none() && stat(b"x\n").is_none());
    }

    #[test]
    fn what_is_no_listing_is_told() {
        assert_eq!(entries(b""), Some(vec![]));
        assert_eq!(entries(b"x"), None);
        assert_eq!(entries(b"x ./a\n"), None);
        assert_eq!(entries(b"81a4 5 10 d t z ./a"), None);
    }
}
