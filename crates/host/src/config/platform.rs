//! `image.platform`: operating system and processor of an image, in Docker's words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};

/// `linux/arm64` or, with a variant, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    text: String,
    architecture: String,
}

impl Platform {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts.next();
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if os != "linux" || !plain(architecture) || !variant.is_none_or(plain) || parts.next().is_some() {
            return None;
        }
        // The kernel's names are common, Docker's are what an image has.
        let architecture = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        Some(Self { text: format!("linux/{architecture}{variant}"), architecture: architecture.to_owned() })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Such as `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a platform such as 'linux/amd64' or 'linux/arm/v7', got '{text}'"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_linux_with_a_processor() {
        for (text, expected) in [
            ("linux/amd64", Some(("linux/amd64", "amd64"))),
            ("linux/aarch64", Some(("linux/arm64", "arm64"))),
            ("linux/x86_64", Some(("linux/amd64", "amd64"))),
            ("linux/arm/v7", Some(("linux/arm/v7", "arm"))),
            ("windows/amd64", None),
            ("linux", None),
            ("linux/", None),
            ("linux/arm/v7/x", None),
            ("linux/a&b", None),
            ("", None),
        ] {
            let read = Platform::parse(text);
            assert_eq!(read.as_ref().map(|read| (read.as_str(), read.architecture())), expected, "{text}");
        }
    }
}
