//! Bytes that become a JavaScript string. Decoding happens here, off the JavaScript thread, so that the thread only
//! copies: ASCII as it is, the rest as UTF-16, which is what V8 stores.

use bytes::Bytes;
use napi::bindgen_prelude::ToNapiValue;
use napi::{Env, JsValue, sys};

use crate::outcome::{Answer, Failure};

/// From here on, decoding leaves the async workers.
const LARGE: usize = 1 << 20;
/// V8's limit on 64-bit machines, in UTF-16 units.
const LONGEST: usize = 536_870_888;

/// Text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD.
#[derive(Debug)]
pub enum Text {
    Ascii(Bytes),
    Utf16(Vec<u16>),
}

impl Text {
    pub(crate) async fn decode(bytes: Bytes) -> Answer<Self> {
        let text = if bytes.len() < LARGE {
            Self::decode_now(bytes)
        } else {
            let decoded = tokio::task::spawn_blocking(|| Self::decode_now(bytes)).await;
            decoded
                .map_err(|stopped| Box::new(Failure { message: stopped.to_string(), ..Failure::default() }))?
        };
        match text.len() {
            length if length > LONGEST => Err(too_long(length)),
            _ => Ok(text),
        }
    }

    fn decode_now(bytes: Bytes) -> Self {
        if bytes.is_ascii() {
            return Self::Ascii(bytes);
        }
        Self::Utf16(String::from_utf8_lossy(&bytes).encode_utf16().collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Ascii(bytes) => bytes.len(),
            Self::Utf16(units) => units.len(),
        }
    }
}

fn too_long(length: usize) -> Box<Failure> {
    let message = format!(
        "{length} characters do not fit into a JavaScript string (at most {LONGEST}): read the file with \
         {{ encoding: null }}, or lower maxOutputBytes"
    );
    Box::new(Failure { code: "ERR_STRING_TOO_LONG".to_owned(), message, ..Failure::default() })
}

impl ToNapiValue for Text {
    unsafe fn to_napi_value(env: sys::napi_env, text: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(env);
        match text {
            Self::Ascii(bytes) => Ok(env.create_string_latin1(&bytes)?.raw()),
            Self::Utf16(units) => Ok(env.create_string_utf16(&units)?.raw()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(bytes: &'static [u8]) -> String {
        match Text::decode_now(Bytes::from_static(bytes)) {
            Text::Ascii(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Text::Utf16(units) => String::from_utf16(&units).unwrap(),
        }
    }

    #[test]
    fn text_is_decoded() {
        assert_eq!(utf16(b"plain"), "plain");
        assert_eq!(utf16("é€😀".as_bytes()), "é€😀");
        assert_eq!(utf16(b"a\xffb\xe2\x82"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(Text::decode_now(Bytes::from_static(b"ascii")), Text::Ascii(_)));
    }
}
