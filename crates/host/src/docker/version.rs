//! Docker's API version: which one to speak with an engine. Pure; the asking is `wire`'s.

use std::fmt;

/// As in `/v1.41/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiVersion {
    major: u16,
    minor: u16,
}

/// Docker 20.10, and every Podman that can serve us.
pub(super) const OLDEST: ApiVersion = ApiVersion { major: 1, minor: 41 };
/// The newest whose answers we know: Docker 28.5. Later engines still speak it.
const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 51 };

impl ApiVersion {
    /// `1.43` or, as dockerode has it, `v1.43`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// The version for an engine whose newest is `engine`; `None` when that is too old for us.
    pub(super) fn for_engine(engine: Self) -> Option<Self> {
        (engine >= OLDEST).then_some(engine.min(NEWEST))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_v() {
        for (text, expected) in [
            ("1.41", Some((1, 41))),
            ("v1.43", Some((1, 43))),
            (" 2.0 ", Some((2, 0))),
            ("", None),
            ("1", None),
            ("1.x", None),
            ("auto", None),
        ] {
            let read = ApiVersion::parse(text).map(|version| (version.major, version.minor));
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn the_engines_newest_is_used_up_to_ours_and_down_to_what_we_need() {
        let chosen = |engine: &str| {
            ApiVersion::for_engine(ApiVersion::parse(engine).unwrap()).map(|version| version.to_string())
        };
        assert_eq!(chosen("1.41").as_deref(), Some("1.41"));
        assert_eq!(chosen("1.47").as_deref(), Some("1.47"));
        assert_eq!(chosen("1.52").as_deref(), Some("1.51"));
        assert_eq!(chosen("2.0").as_deref(), Some("1.51"));
        assert_eq!(chosen("1.40"), None);
        assert_eq!(chosen("1.9"), None);
    }
}
