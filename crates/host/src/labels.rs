//! The labels that make a container a sandbox and hold its state, so that any process can find it again by id.

use serde_json::{Map, Value};

use crate::config::{Lifetime, Runtime, Whole};

pub(crate) const SANDBOX: &str = "com.computesdk.sandbox";
pub(crate) const RUNTIME: &str = "com.computesdk.runtime";
/// Default execution timeout of the sandbox, milliseconds.
pub(crate) const TIMEOUT: &str = "com.computesdk.timeout";
pub(crate) const NAMESPACE: &str = "com.computesdk.namespace";
pub(crate) const VERSION: &str = "com.computesdk.version";
/// How long it lives, milliseconds.
pub(crate) const LIFETIME_MAX: &str = "com.computesdk.lifetime.max";
pub(crate) const LIFETIME_IDLE: &str = "com.computesdk.lifetime.idle";
/// Made for a pool.
pub(crate) const POOL: &str = "com.computesdk.pool";
/// How the name of a container begins that waits in a pool. Labels cannot change, names can.
pub(crate) const WAITING: &str = "computesdk-waiting-";
/// Which request made the container; tells one whose answer was lost.
pub(crate) const REQUEST: &str = "com.computesdk.request";
/// Why the sandbox has no agent, where it wanted one.
pub(crate) const NO_AGENT: &str = "com.computesdk.no-agent";
/// On images of ours: `snapshot` or `template`.
pub(crate) const SAVED: &str = "com.computesdk.saved";
pub(crate) const SAVED_NAME: &str = "com.computesdk.saved.name";
/// Milliseconds since 1970.
pub(crate) const SAVED_AT: &str = "com.computesdk.saved.at";
pub(crate) const SAVED_DESCRIPTION: &str = "com.computesdk.saved.description";
/// The metadata of a snapshot or template as one JSON text: the sandboxes made from it have their own.
pub(crate) const SAVED_METADATA: &str = "com.computesdk.saved.metadata";
/// The sandbox that a snapshot was made of.
pub(crate) const SAVED_FROM: &str = "com.computesdk.saved.from";
const OURS: &str = "com.computesdk.";
const META: &str = "com.computesdk.meta.";

pub(crate) type Labels = Map<String, Value>;

/// The label of a caller's metadata value. Text that could be mistaken for JSON is kept as JSON, so that every
/// value comes back with its type and most labels stay readable.
pub(crate) fn put_meta(labels: &mut Labels, key: &str, value: &Value) {
    let text = match value {
        // An empty label is one that was taken back.
        Value::String(text) if !text.is_empty() && serde_json::from_str::<Value>(text).is_err() => {
            text.clone()
        }
        other => other.to_string(),
    };
    labels.insert(format!("{META}{key}"), text.into());
}

/// The caller's metadata, types as they were.
pub(crate) fn meta(labels: &Labels) -> Map<String, Value> {
    labels
        .iter()
        .filter(|(_, text)| *text != "")
        .filter_map(|(label, text)| Some((label.strip_prefix(META)?.to_owned(), meta_value(text))))
        .collect()
}

fn meta_value(text: &Value) -> Value {
    let text = text.as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Every label of ours emptied: an image passes its labels on, and none can be taken from it.
pub(crate) fn taken_back(labels: &Labels) -> Labels {
    labels
        .keys()
        .filter(|label| label.starts_with(OURS) && *label != RUNTIME)
        .map(|label| (label.clone(), "".into()))
        .collect()
}

pub(crate) fn is_sandbox(labels: &Labels) -> bool {
    text(labels, SANDBOX) == Some("true")
}

/// Whether it waits in a pool; the label alone says only that it did. `name` as Docker has it.
pub(crate) fn is_waiting(labels: &Labels, name: &Value) -> bool {
    let name = name.as_str().unwrap_or_default().trim_start_matches('/');
    text(labels, POOL).is_some() && name.starts_with(WAITING)
}

pub(crate) fn lifetime(labels: &Labels) -> Lifetime {
    let ms = |label| text(labels, label).and_then(|ms| ms.parse().ok()).map(Whole);
    Lifetime { max: ms(LIFETIME_MAX), idle: ms(LIFETIME_IDLE) }
}

pub(crate) fn runtime(labels: &Labels) -> Option<Runtime> {
    text(labels, RUNTIME).and_then(|name| Runtime::from_name(name).ok())
}

pub(crate) fn text<'a>(labels: &'a Labels, label: &str) -> Option<&'a str> {
    labels.get(label).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_keeps_its_types() {
        let given = json!({"n": 5, "text": "plain", "digits": "5", "flag": true, "deep": {"a": [1, null]}, "empty": ""});
        let mut labels = Labels::new();
        for (key, value) in given.as_object().unwrap() {
            put_meta(&mut labels, key, value);
        }
        assert_eq!(text(&labels, "com.computesdk.meta.text"), Some("plain"));
        assert_eq!(Value::Object(meta(&labels)), given);
    }

    #[test]
    fn what_an_image_passes_on_can_be_taken_back() {
        let mut labels = Labels::new();
        labels.insert(SANDBOX.into(), "true".into());
        labels.insert(RUNTIME.into(), "node".into());
        labels.insert("theirs".into(), "kept".into());
        put_meta(&mut labels, "team", &json!("a"));
        labels.extend(taken_back(&labels));
        assert!(!is_sandbox(&labels) && meta(&labels).is_empty());
        assert_eq!(runtime(&labels), Some(Runtime::Node));
        assert_eq!(text(&labels, "theirs"), Some("kept"));
    }

    #[test]
    fn metadata_cannot_pose_as_one_of_our_labels() {
        let mut labels = Labels::new();
        put_meta(&mut labels, "com.computesdk.sandbox", &json!("true"));
        assert!(!is_sandbox(&labels));
    }
}
