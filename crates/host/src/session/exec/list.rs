//! Reads what list.sh prints.

use crate::session::{Entry, EntryKind};

const FORMAT: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;

/// `None` when names and facts do not match: the folder changed in between.
pub(super) fn entries(listing: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = listing;
    let mut names = Vec::new();
    for _ in 0..2 {
        loop {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let name = &rest[..end];
            rest = &rest[end + 1..];
            if name.is_empty() {
                break;
            }
            names.push(String::from_utf8_lossy(name.strip_prefix(b"./").unwrap_or(name)).into_owned());
        }
    }
    let facts: Vec<&str> = std::str::from_utf8(rest).ok()?.lines().collect();
    if facts.len() != names.len() {
        return None;
    }
    let mut entries: Vec<Entry> =
        names.into_iter().zip(facts).map(|(name, facts)| entry(name, facts)).collect::<Option<_>>()?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Some(entries)
}

fn entry(name: String, facts: &str) -> Option<Entry> {
    let mut facts = facts.split(' ');
    let mode = u32::from_str_radix(facts.next()?, 16).ok()?;
    let size = facts.next()?.parse().ok()?;
    let seconds: i64 = facts.next()?.parse().ok()?;
    let kind = if mode & FORMAT == FOLDER { EntryKind::Directory } else { EntryKind::File };
    Some(Entry { name, kind, size, modified_ms: seconds * 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_facts_are_put_together() {
        let listing = b"./b\nc\0./-a\0\0./gone\0\081a4 5 10\n41ed 4096 20\na1ff 4 30\n";
        let entries = entries(listing).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.kind, e.size, e.modified_ms)).collect();
        assert_eq!(
            seen,
            [
                ("-a", EntryKind::Directory, 4096, 20_000),
                ("b\nc", EntryKind::File, 5, 10_000),
                ("gone", EntryKind::File, 4, 30_000),
            ]
        );
    }

    #[test]
    fn a_folder_that_changed_meanwhile_is_told() {
        assert_eq!(entries(b"./a\0\0\0"), None);
        assert_eq!(entries(b"./a"), None);
    }
}
