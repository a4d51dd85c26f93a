//! `config.connection`: dockerode's `DockerOptions` as data. What follows from it is `find`'s business.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// How to reach the engine. Everything left out comes from the environment, as for the docker command.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Connection {
    /// A unix socket.
    pub socket_path: Option<String>,
    /// A host name, or an address such as `tcp://10.0.0.5:2375`.
    pub host: Option<String>,
    #[serde(deserialize_with = "number")]
    pub port: Option<u64>,
    pub protocol: Option<Protocol>,
    /// PEM text of the authority that the engine's certificate must come from.
    pub ca: Option<Pem>,
    /// PEM text of our certificate and its key.
    pub cert: Option<Pem>,
    pub key: Option<Pem>,
    /// API version, such as `v1.43`. Default: negotiated.
    pub version: Option<String>,
    /// Milliseconds for connecting and for the engine's answer; never cuts a command's output. Default: 5,000 and 60,000.
    #[serde(deserialize_with = "number")]
    pub timeout: Option<u64>,
    /// Sent with every request.
    pub headers: BTreeMap<String, String>,
    /// The ssh user.
    pub username: Option<String>,
}

/// What a host without a scheme of its own is spoken to over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Http,
    Https,
    Ssh,
}

/// PEM text, given as text or as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem(pub Vec<u8>);

/// Without keys and header values: a provider may be printed anywhere.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket_path", &self.socket_path)
            .field("host", &self.host.as_deref().map(super::address::redact))
            .field("port", &self.port)
            .field("protocol", &self.protocol)
            .field("tls", &self.has_tls())
            .field("version", &self.version)
            .field("timeout", &self.timeout)
            .field("headers", &self.headers.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem(..)")
    }
}

impl Connection {
    pub(super) fn has_tls(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some()
    }
}

/// A list is one text as bytes, or texts that belong together (several authorities).
#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected PEM text or bytes")]
enum Part {
    Byte(u8),
    Text(String),
}

impl<'de> Deserialize<'de> for Pem {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct TextOrBytes;
        impl<'de> Visitor<'de> for TextOrBytes {
            type Value = Pem;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("PEM text or bytes")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Pem, E> {
                Ok(Pem(text.as_bytes().to_vec()))
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Pem, E> {
                Ok(Pem(bytes.to_vec()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Pem, A::Error> {
                let mut pem = Vec::new();
                while let Some(part) = parts.next_element()? {
                    match part {
                        Part::Byte(byte) => pem.push(byte),
                        Part::Text(text) => pem.extend(text.bytes().chain(*b"\n")),
                    }
                }
                Ok(Pem(pem))
            }
        }
        source.deserialize_any(TextOrBytes)
    }
}

/// A whole number that may come as a float (JavaScript has only those) or as text (dockerode takes both for a port).
fn number<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    struct Number;
    impl<'de> Visitor<'de> for Number {
        type Value = Option<u64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of at least 0")
        }
        fn visit_none<E: Error>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }
        fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Option<u64>, D::Error> {
            source.deserialize_any(self)
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<Option<u64>, E> {
            Ok(Some(value))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<Option<u64>, E> {
            u64::try_from(value)
                .map(Some)
                .map_err(|_| E::custom(format!("must not be negative, got {value}")))
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<Option<u64>, E> {
            if value.fract() != 0.0 || !(0.0..=9e15).contains(&value) {
                return Err(E::custom(format!("expected a whole number of at least 0, got {value}")));
            }
            Ok(Some(value as u64))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Option<u64>, E> {
            text.parse().map(Some).map_err(|_| E::custom(format!("expected a number, got '{text}'")))
        }
    }
    source.deserialize_option(Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Connection, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn ports_come_as_number_float_or_text() {
        for port in ["2375", "2375.0", "\"2375\""] {
            assert_eq!(read(&format!("{{\"port\":{port}}}")).unwrap().port, Some(2375), "{port}");
        }
        for port in ["-1", "1.5", "\"x\"", "true"] {
            assert!(read(&format!("{{\"port\":{port}}}")).is_err(), "{port}");
        }
        assert_eq!(read(r#"{"port":null}"#).unwrap().port, None);
    }

    #[test]
    fn pem_comes_as_text_or_bytes() {
        assert_eq!(read(r#"{"ca":"ab"}"#).unwrap().ca, read(r#"{"ca":[97,98]}"#).unwrap().ca);
        assert_eq!(read(r#"{"ca":"a\nb\n"}"#).unwrap().ca, read(r#"{"ca":["a","b"]}"#).unwrap().ca);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(read(r#"{"sockPath":"/x"}"#).unwrap_err().to_string().contains("sockPath"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let json = r#"{"host":"tcp://me:hunter2@box","key":"hunter2","headers":{"Authorization":"hunter2"}}"#;
        let shown = format!("{:?}", read(json).unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("Authorization"), "{shown}");
    }
}
