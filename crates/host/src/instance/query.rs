//! dockerode's options as Docker's query parameters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value};

/// One pair for a scalar, one for each item of a list; an object (`filters`) goes as JSON text.
pub(super) fn pairs(options: Map<String, Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in options {
        match value {
            Value::Null => {}
            Value::Array(items) => pairs.extend(items.iter().map(|item| (name.clone(), text(item)))),
            value => pairs.push((name, text(&value))),
        }
    }
    pairs
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Parameters of `POST /commit`; whatever else is given is container config.
const COMMIT: [&str; 6] = ["repo", "tag", "comment", "author", "pause", "changes"];

/// The query and the body of a commit.
pub(super) fn split_commit(options: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    options.into_iter().partition(|(name, _)| COMMIT.contains(&name.as_str()))
}

/// dockerode's `authconfig`: encoded already in `key` or `base64`, else the credentials themselves.
pub(super) fn registry_auth(auth: &Value) -> String {
    let encoded = auth["key"].as_str().or_else(|| auth["base64"].as_str());
    encoded.map_or_else(|| URL_SAFE.encode(auth.to_string()), str::to_owned)
}

/// `fromImage`, and `tag` where the reference has none: Docker would pull every tag there is.
pub(super) fn add_reference(options: &mut Map<String, Value>, reference: &str) {
    let last = reference.rsplit('/').next().unwrap_or_default();
    if !last.contains([':', '@']) {
        options.insert("tag".to_owned(), "latest".into());
    }
    options.insert("fromImage".to_owned(), reference.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    #[test]
    fn options_become_parameters() {
        let options = json!({ "all": true, "filters": { "label": ["a=b"] }, "limit": 3, "names": ["x", "y"], "no": null });
        let expected = [
            ("all", "true"),
            ("filters", r#"{"label":["a=b"]}"#),
            ("limit", "3"),
            ("names", "x"),
            ("names", "y"),
        ];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(pairs(object(options)), expected);
    }

    #[test]
    fn a_commit_has_parameters_and_config() {
        let (query, config) = split_commit(object(json!({ "repo": "a", "Env": ["A=1"] })));
        assert_eq!((query, config), (object(json!({ "repo": "a" })), object(json!({ "Env": ["A=1"] }))));
    }

    #[test]
    fn a_reference_without_a_tag_means_latest() {
        let pulled = |reference| {
            let mut options = Map::new();
            add_reference(&mut options, reference);
            options
        };
        let latest = json!({ "fromImage": "host:5000/a", "tag": "latest" });
        assert_eq!(pulled("host:5000/a"), object(latest));
        assert_eq!(pulled("a:3"), object(json!({ "fromImage": "a:3" })));
        assert_eq!(pulled("a@sha256:00"), object(json!({ "fromImage": "a@sha256:00" })));
    }

    #[test]
    fn credentials_are_encoded_once() {
        assert_eq!(registry_auth(&json!({ "base64": "done" })), "done");
        assert_eq!(registry_auth(&json!({ "username": "u?>" })), "eyJ1c2VybmFtZSI6InU_PiJ9");
    }
}
