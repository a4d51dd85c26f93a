//! Values whose JavaScript form is wider than Rust's: whole numbers that arrive as floats, Docker's own objects,
//! and the three ways to ask for GPUs.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A whole number. JavaScript has only floats, so `4 * 1024 ** 3` may arrive as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

/// The largest whole number that a JavaScript number holds exactly.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Whole, E> {
                Ok(Whole(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Whole, E> {
                i64::try_from(value).map(Whole).map_err(|_| E::custom("is too large"))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Whole, E> {
                whole(value)
                    .map(Whole)
                    .ok_or_else(|| E::custom(format!("expected a whole number, got {value}")))
            }
        }
        source.deserialize_any(Number)
    }
}

fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= MAX_SAFE).then_some(value as i64)
}

/// `'all'`, a count, or device ids (`'0,1'`, `'device=GPU-…'`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gpus {
    All,
    Count(i64),
    Devices(Vec<String>),
}

impl<'de> Deserialize<'de> for Gpus {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Request;
        impl Visitor<'_> for Request {
            type Value = Gpus;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'all', a count of at least 1, or device ids such as '0,1'")
            }
            fn visit_i64<E: Error>(self, count: i64) -> Result<Gpus, E> {
                if count < 1 {
                    return Err(E::custom(format!(
                        "expected 'all', a count of at least 1, or device ids, got {count}"
                    )));
                }
                Ok(Gpus::Count(count))
            }
            fn visit_u64<E: Error>(self, count: u64) -> Result<Gpus, E> {
                self.visit_i64(i64::try_from(count).unwrap_or(0))
            }
            fn visit_f64<E: Error>(self, count: f64) -> Result<Gpus, E> {
                self.visit_i64(whole(count).unwrap_or(0))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Gpus, E> {
                gpus_from_text(text)
                    .ok_or_else(|| E::custom("expected 'all', a count of at least 1, or device ids, got ''"))
            }
        }
        source.deserialize_any(Request)
    }
}

fn gpus_from_text(text: &str) -> Option<Gpus> {
    if text == "all" {
        return Some(Gpus::All);
    }
    let list = text.strip_prefix("device=").unwrap_or(text).trim_matches('"');
    let ids: Vec<String> =
        list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    (!ids.is_empty()).then_some(Gpus::Devices(ids))
}

/// A struct, from an object alone: serde would take the fields from a list, too.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(source: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields))
        }
    }
    source.deserialize_any(Object(PhantomData))
}

/// An object in Docker's own API shape. Floats that are whole become integers again: Docker refuses `1.0`.
pub(super) fn api_object<'de, D: Deserializer<'de>>(source: D) -> Result<Map<String, Value>, D::Error> {
    let mut object = Map::<String, Value>::deserialize(source)?;
    object.values_mut().for_each(make_whole);
    Ok(object)
}

fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(whole) {
                *value = integer.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_may_be_floats() {
        assert_eq!(serde_json::from_value::<Whole>(json!(4_294_967_296.0)).ok(), Some(Whole(4_294_967_296)));
        let error = serde_json::from_value::<Whole>(json!(1.5)).unwrap_err().to_string();
        assert!(error.contains("expected a whole number, got 1.5"), "{error}");
    }

    #[test]
    fn docker_objects_get_their_integers_back() {
        let object =
            api_object(json!({"HostConfig": {"Memory": 4_294_967_296.0, "List": [1.0, 1.5]}})).unwrap();
        assert_eq!(
            Value::Object(object).to_string(),
            r#"{"HostConfig":{"List":[1,1.5],"Memory":4294967296}}"#
        );
    }

    #[test]
    fn gpus_in_their_three_forms() {
        let gpus = |value| serde_json::from_value::<Gpus>(value).ok();
        assert_eq!(gpus(json!("all")), Some(Gpus::All));
        assert_eq!(gpus(json!(2.0)), Some(Gpus::Count(2)));
        assert_eq!(gpus(json!("device=0, GPU-a")), Some(Gpus::Devices(vec!["0".into(), "GPU-a".into()])));
        assert_eq!(gpus(json!(0)), None);
        assert_eq!(gpus(json!("")), None);
    }
}
