//! Turns serde's complaints into ours: the path of the key, what was expected, and the nearest known key.

use serde::Deserializer;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Reads `T` from any serde source; an error names the path of the value it is about.
pub(crate) fn parse<'de, T: DeserializeOwned, D: Deserializer<'de>>(source: D) -> Result<T> {
    serde_path_to_error::deserialize(source).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        let text = if is_secret(&path) { without_value(&text) } else { text };
        complaint(&path, &text)
    })
}

/// Where credentials are, also those that somebody put one level too high.
fn is_secret(path: &str) -> bool {
    ["image.auth", "connection"].iter().any(|secret| path.starts_with(secret))
}

/// serde's complaint about a value, the value left out.
fn without_value(text: &str) -> String {
    match text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: ")) {
        Some(value) => {
            let expected = value.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected);
            format!("expected {expected}")
        }
        None => text.to_owned(),
    }
}

fn complaint(path: &str, text: &str) -> Error {
    let path = if path == "." { "config" } else { path };
    Error::InvalidConfig { path: path.to_owned(), problem: problem(text) }
}

fn problem(text: &str) -> String {
    let Some(rest) = text.strip_prefix("unknown field `") else { return tidy(text) };
    let Some((key, expected)) = rest.split_once('`') else { return tidy(text) };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(key, &known) {
        Some(near) => format!("unknown key '{key}', did you mean '{near}'?"),
        None => format!("unknown key '{key}', expected one of {}", known.join(", ")),
    }
}

/// serde's words for what JavaScript calls otherwise; the position of a JSON text means nothing here.
fn tidy(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    text.replace("unknown variant ", "unknown value ")
        .replace("type: map", "type: an object")
        .replace("type: sequence", "type: an array")
        .replace("a map", "an object")
        .replace("a sequence", "an array")
        .replace("floating point", "number")
        .replace('`', "'")
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = key.to_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::Config;

    fn complaint(config: Value) -> String {
        Config::from_source(config).unwrap_err().to_string()
    }

    #[test]
    fn a_complaint_names_the_path_and_what_was_expected() {
        for (config, expected) in [
            (json!({"runtim": "node"}), "runtim: unknown key 'runtim', did you mean 'runtime'?"),
            (json!({"image": {"nmae": "x"}}), "image.nmae: unknown key 'nmae', did you mean 'name'?"),
            (json!({"runtime": "ruby"}), "runtime: unknown value 'ruby', expected 'python' or 'node'"),
            (
                json!({"container": {"tty": "yes"}}),
                "container.tty: invalid type: string \"yes\", expected a boolean",
            ),
            (
                json!({"container": {"resources": {"memory": 1.5}}}),
                "container.resources.memory: expected a whole number, got 1.5",
            ),
            (
                json!({"container": {"resources": {"memory": -1}}}),
                "container.resources.memory: expected 0 or more, got -1",
            ),
            (json!({"container": {"binds": ["/a"]}}), "container.binds[0]: expected '/host:/container'"),
            (
                json!({"container": {"ports": {"70000/tcp": []}}}),
                "container.ports.70000/tcp: expected a port from 1 to 65535",
            ),
            (
                json!({"container": {"ports": {"80/tcp": [{"hostPort": 70000}]}}}),
                "container.ports.80/tcp[0].hostPort: expected a port from 0",
            ),
            (json!({"container": {"env": {"A=B": "c"}}}), "container.env.A=B: a variable's name"),
            (json!({"container": {"workdir": "rel"}}), "container.workdir: expected an absolute path"),
            (json!({"container": {"gpus": 0}}), "container.gpus: expected 'all', a count of at least 1"),
            (json!({"timeout": 0}), "timeout: expected a number of milliseconds above 0, got 0"),
            (json!({"container": []}), "container: invalid type: an array, expected an object"),
            (json!({"image": {"auth": "secret"}}), "image.auth: expected "),
            (json!({"image": {"name": "a b"}}), "image.name: expected an image such as"),
        ] {
            let text = complaint(config.clone());
            assert!(text.starts_with(expected), "{config}: {text}");
        }
    }
}
