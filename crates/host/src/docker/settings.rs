//! What the docker command's `config.json` says of every container that is made: the proxies that become its
//! environment. A file that is not there or broken says nothing, as for the docker command.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::connect::Address;
use super::engine::Engine;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    /// By the engine's address; `default` is every other.
    proxies: BTreeMap<String, Proxies>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Proxies {
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    no_proxy: Option<String>,
    ftp_proxy: Option<String>,
    all_proxy: Option<String>,
}

impl Engine {
    /// Variables for the containers of this engine, in upper and in lower case.
    pub async fn proxy_variables(&self) -> BTreeMap<String, String> {
        let target = self.wire().target();
        let Some(file) = target.docker_folder.as_ref().map(|folder| folder.join("config.json")) else {
            return BTreeMap::new();
        };
        let text = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        match text {
            Ok(Ok(text)) => variables(&text, &target.endpoint().address),
            _ => BTreeMap::new(),
        }
    }
}

fn variables(config: &[u8], engine: &Address) -> BTreeMap<String, String> {
    let mut settings: Settings = serde_json::from_slice(config).unwrap_or_default();
    let is_ours = |text: &str| Address::parse(text).is_ok_and(|address| address.is_same_place(engine));
    let ours = settings.proxies.keys().find(|key| is_ours(key)).cloned();
    let Some(proxies) = settings.proxies.remove(ours.as_deref().unwrap_or("default")) else {
        return BTreeMap::new();
    };
    let named = [
        ("HTTP_PROXY", proxies.http_proxy),
        ("HTTPS_PROXY", proxies.https_proxy),
        ("NO_PROXY", proxies.no_proxy),
        ("FTP_PROXY", proxies.ftp_proxy),
        ("ALL_PROXY", proxies.all_proxy),
    ];
    let set =
        named.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    set.flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_lowercase(), value)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_proxies_come_before_the_default_ones() {
        let config = br#"{"proxies": {
            "default": {"httpProxy": "http://d:1", "noProxy": "a,b", "ftpProxy": ""},
            "tcp://box:2376": {"httpsProxy": "http://s:2"}
        }}"#;
        let of = |engine: &str| {
            let found = variables(config, &Address::parse(engine).unwrap());
            found.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let default = ["HTTP_PROXY=http://d:1", "NO_PROXY=a,b", "http_proxy=http://d:1", "no_proxy=a,b"];
        assert_eq!(of("unix:///var/run/docker.sock"), default);
        assert_eq!(of("https://box"), ["HTTPS_PROXY=http://s:2", "https_proxy=http://s:2"]);
        assert_eq!(of("tcp://box"), default);
        let unix = Address::parse("/d.sock").unwrap();
        for config in [&b"{"[..], b"{}", br#"{"proxies":{"tcp://other":{"httpProxy":"x"}}}"#] {
            assert!(variables(config, &unix).is_empty());
        }
    }
}
