//! Reads what list.sh prints.

use crate::session::{Entry, EntryKind};

const FORMAT: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;

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
    fn what_is_no_listing_is_told() {
        assert_eq!(entries(b""), Some(vec![]));
        assert_eq!(entries(b"x"), None);
        assert_eq!(entries(b"x ./a\n"), None);
        assert_eq!(entries(b"81a4 5 10 d t z ./a"), None);
    }
}
