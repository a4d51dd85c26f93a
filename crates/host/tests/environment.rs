//! Which engine is found when the config names none: each case is a process of its own, under its own environment.

mod support;

use std::path::Path;

use computesdk_docker_host::docker::{Connection, Engine};
use sha2::{Digest as _, Sha256};
use support::tls::{Authority, Behind, VALID, tls_before};
use support::{Reply, answer, fake, folder, pong, socket_before};
use tokio::process::Command;

/// Not a test of its own: tells what is found in the environment at hand.
#[tokio::test]
#[ignore = "run by the others"]
#[allow(clippy::print_stdout, reason = "its stdout is what the others read")]
async fn tell() {
    match Engine::new(Connection::default()) {
        Err(error) => println!("<invalid: {error}>"),
        Ok(engine) => match engine.describe().await {
            Ok(info) => println!("<found: {}>", info.found),
            Err(error) => println!("<failed: {error}>"),
        },
    }
}

async fn told(home: &Path, environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "tell", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", home)
        .envs(environment.iter().copied())
        .output()
        .await
        .expect("this program again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text.split_once('<').unwrap_or_else(|| panic!("{text}"));
    rest.rsplit_once('>').unwrap_or_else(|| panic!("{text}")).0.to_owned()
}

async fn fake_engine() -> u16 {
    let version =
        r#"{"Version":"1.2.3","ApiVersion":"1.41","Components":[{"Name":"Engine","Version":"1.2.3"}]}"#;
    let answering = move |head: &str, _| match head.contains("_ping") {
        true => pong("1.41"),
        false => Reply::Bytes(answer("200 OK", "", version)),
    };
    fake(answering).await.0
}

fn write_identity(folder: &Path, authority: &Authority) {
    let client = authority.identity("client", VALID);
    std::fs::create_dir_all(folder).expect("a folder");
    for (name, pem) in [("ca.pem", &authority.pem), ("cert.pem", &client.cert), ("key.pem", &client.key)] {
        std::fs::write(folder.join(name), pem).expect("written");
    }
}

#[tokio::test]
async fn docker_host_with_tls_reads_the_certificates_of_its_folder() {
    let home = folder("tls-environment");
    let ours = Authority::new("ours");
    let port = tls_before(Behind::Fake(fake_engine().await), &ours.identity("localhost", VALID), &ours).await;
    let certificates = home.join("certificates");
    write_identity(&certificates, &ours);
    // Without DOCKER_CERT_PATH they are where the docker command keeps its settings.
    write_identity(&home.join(".docker"), &ours);
    let host = format!("tcp://localhost:{port}");
    let verify = [("DOCKER_HOST", host.as_str()), ("DOCKER_TLS_VERIFY", "1")];
    let expected = format!("found: https://localhost:{port} (DOCKER_HOST)");
    let path = certificates.to_str().unwrap();
    assert_eq!(told(&home, &[&verify[..], &[("DOCKER_CERT_PATH", path)]].concat()).await, expected);
    assert_eq!(told(&home, &verify).await, expected);
    let told = told(&home, &[&verify[..], &[("DOCKER_CERT_PATH", "/nowhere")]].concat()).await;
    assert!(told.starts_with("invalid: DOCKER_CERT_PATH"), "{told}");
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn a_context_brings_its_address_and_its_certificates() {
    let home = folder("context-environment");
    let ours = Authority::new("ours");
    let port = tls_before(Behind::Fake(fake_engine().await), &ours.identity("localhost", VALID), &ours).await;
    let hash = Sha256::digest("far").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let contexts = home.join(".docker/contexts");
    let meta = contexts.join("meta").join(&hash);
    std::fs::create_dir_all(&meta).unwrap();
    let text = format!(r#"{{"Name":"far","Endpoints":{{"docker":{{"Host":"tcp://localhost:{port}"}}}}}}"#);
    std::fs::write(meta.join("meta.json"), &text).unwrap();
    write_identity(&contexts.join("tls").join(&hash).join("docker"), &ours);
    let expected = format!("found: https://localhost:{port} (context 'far' of DOCKER_CONTEXT)");
    assert_eq!(told(&home, &[("DOCKER_CONTEXT", "far")]).await, expected);
    // A certificate for another name is refused, unless the context says that any will do.
    let other = ours.identity("elsewhere.example", VALID);
    let elsewhere = tls_before(Behind::Fake(fake_engine().await), &other, &ours).await;
    for (skip, expected) in [(false, "not valid for name"), (true, "its certificate unchecked)")] {
        let docker = format!(r#"{{"Host":"tcp://localhost:{elsewhere}","SkipTLSVerify":{skip}}}"#);
        let other = format!(r#"{{"Name":"far","Endpoints":{{"docker":{docker}}}}}"#);
        std::fs::write(meta.join("meta.json"), other).unwrap();
        let told = told(&home, &[("DOCKER_CONTEXT", "far")]).await;
        assert!(
            told.contains(expected) && told.contains(&format!("https://localhost:{elsewhere}")),
            "{told}"
        );
    }
    std::fs::write(meta.join("meta.json"), &text).unwrap();
    std::fs::write(home.join(".docker/config.json"), r#"{"currentContext":"far"}"#).unwrap();
    let found = told(&home, &[("DOCKER_HOST", "")]).await;
    assert!(
        found.starts_with(&format!("found: https://localhost:{port} (context 'far' of currentContext")),
        "{found}"
    );
    let plain = fake_engine().await;
    let host = format!("tcp://127.0.0.1:{plain}");
    let expected = format!("found: {host} (DOCKER_HOST)");
    assert_eq!(told(&home, &[("DOCKER_HOST", &host), ("DOCKER_CONTEXT", "far")]).await, expected);
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn sockets_that_engines_are_known_to_use_are_tried_and_all_failures_told() {
    let home = folder("known-environment");
    let others = ["/var/run/docker.sock", "/run/user/0/docker.sock", "/run/podman/podman.sock"];
    if others.iter().any(|socket| Path::new(socket).exists()) {
        eprintln!("skipped sockets_that_engines_are_known_to_use_…: this machine has an engine of its own");
        return;
    }
    let failed = told(&home, &[]).await;
    assert!(
        failed.contains("unix:///var/run/docker.sock (default socket): there is no such socket"),
        "{failed}"
    );
    assert!(failed.contains("nor is there any of ") && failed.contains("/.rd/docker.sock"), "{failed}");
    let socket = home.join(".rd/docker.sock");
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    socket_before(&socket, fake_engine().await);
    assert_eq!(told(&home, &[]).await, format!("found: unix://{} (Rancher Desktop)", socket.display()));
    std::fs::remove_dir_all(home).unwrap();
}
