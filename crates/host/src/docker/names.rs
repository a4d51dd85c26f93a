//! Names that go into request paths and queries. The engine matches decoded paths, so percent-encoding a `/` or `..`
//! does not keep it from another endpoint: what is not a name never leaves here.

use std::fmt::Write as _;

/// Longer than any id or name that an engine takes.
const LONGEST: usize = 1024;

/// Whether `name` can be the id or name of a container, exec or volume at all; what cannot is simply not there.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first
        && name.len() <= LONGEST
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether `path` can be sent as it is: absolute, no empty or dotted segment, nothing that starts a query.
pub(super) fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:@+,~".contains(&byte);
    path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain))
    })
}

/// An image reference cut at its tag or digest: `fromImage` and `tag` of a pull. No tag means `latest`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
    pub(super) tag: &'a str,
}

impl<'a> Reference<'a> {
    /// `None` for what cannot be a reference.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST || !is_path(&format!("/{text}")) {
            return None;
        }
        if let Some((name, digest)) = text.split_once('@') {
            return (!name.is_empty() && digest.contains(':')).then_some(Self { name, tag: digest });
        }
        // A colon before the last slash belongs to the registry's port.
        let after_slash = text.rfind('/').map_or(0, |at| at + 1);
        match text[after_slash..].split_once(':') {
            Some(("", _) | (_, "")) => None,
            Some((last, tag)) => Some(Self { name: &text[..after_slash + last.len()], tag }),
            None => Some(Self { name: text, tag: "latest" }),
        }
    }
}

/// The host (and port) of the registry that an image comes from; `None` is Docker Hub.
pub(crate) fn registry(image: &str) -> Option<&str> {
    let (host, _) = image.split_once('/')?;
    let hub = matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
    (!hub && (host.contains(['.', ':']) || host == "localhost")).then_some(host)
}

/// Percent-encodes everything but RFC 3986's unreserved characters: one query value, or one path segment of a name
/// that the engine may know.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_reach_another_endpoint_is_a_name() {
        for name in ["a", "0f3c9b", "my_box-1.2", "A.."] {
            assert!(is_name(name), "{name:?}");
        }
        let long = "a".repeat(LONGEST + 1);
        for name in
            ["", ".", "..", "../x", "a/b", "a?force=1", "a#b", "a\0", "a b", "/a", "-a", "a%2f..", "ä", &long]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn paths_hold_plain_segments_only() {
        for path in ["/info", "/images/localhost:5000/team/app:1@sha256:0/json", "/containers/a/wait"] {
            assert!(is_path(path), "{path:?}");
        }
        for path in ["", "info", "/", "/a//b", "/a/../b", "/a/.", "/a?x=1", "/a b", "/a%2e%2e", "/a\n"] {
            assert!(!is_path(path), "{path:?}");
        }
    }

    #[test]
    fn references_are_cut_at_tag_or_digest() {
        for (text, name, tag) in [
            ("python", "python", "latest"),
            ("python:3.11-slim", "python", "3.11-slim"),
            ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
            ("localhost:5000/a/b:v1", "localhost:5000/a/b", "v1"),
            ("a/b@sha256:00ff", "a/b", "sha256:00ff"),
            ("host:5000/a:1@sha256:00ff", "host:5000/a:1", "sha256:00ff"),
        ] {
            assert_eq!(Reference::parse(text), Some(Reference { name, tag }), "{text:?}");
        }
        for text in ["", ":tag", "a:", "a/../b", "a b", "a?x", "@sha256:0", "a@b", "/a"] {
            assert_eq!(Reference::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_registry_is_told_from_the_first_part_of_a_path() {
        for (image, expected) in [
            ("python:3", None),
            ("team/app", None),
            ("docker.io/library/python", None),
            ("localhost/app", Some("localhost")),
            ("127.0.0.1:5000/a/b:1", Some("127.0.0.1:5000")),
            ("ghcr.io/a@sha256:00", Some("ghcr.io")),
        ] {
            assert_eq!(registry(image), expected, "{image}");
        }
    }

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(encode("/tmp/a b&c=ü"), "%2Ftmp%2Fa%20b%26c%3D%C3%BC");
    }
}
