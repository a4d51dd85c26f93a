//! TLS to the engine: a proxy that asks for our certificate stands before a made-up engine, and before the real one.

mod support;

use computesdk_docker_host::docker::Engine;
use computesdk_docker_host::error::Error;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use support::tls::{Authority, Behind, Identity, VALID, tls_before};
use support::{Reply, answer, connection, exit_code, fake, pong, real_engine, shell, with_container};
use tokio::io::AsyncWriteExt as _;

async fn fake_engine() -> Behind {
    let answering = |head: &str, _| match head.contains("_ping") {
        true => pong("1.41"),
        false => Reply::Bytes(answer("200 OK", "", "[]")),
    };
    Behind::Fake(fake(answering).await.0)
}

fn engine_at(port: u16, ca: &Authority, client: Option<&Identity>) -> Engine {
    let mut options = json!({ "host": "localhost", "port": port, "protocol": "https", "ca": ca.pem });
    if let Some(client) = client {
        // One as text, one as bytes: both are taken.
        options["cert"] = json!(client.cert);
        options["key"] = json!(client.key.as_bytes());
    }
    Engine::new(connection(options)).expect("valid material")
}

#[tokio::test]
async fn an_engine_with_the_right_certificate_is_spoken_to() {
    let ours = Authority::new("ours");
    let port = tls_before(fake_engine().await, &ours.identity("localhost", VALID), &ours).await;
    let engine = engine_at(port, &ours, Some(&ours.identity("client", VALID)));
    assert!(engine.list_containers(&[]).await.unwrap().is_empty());
    assert!(engine.is_local());
}

#[tokio::test]
async fn every_flaw_of_a_certificate_is_told_and_nothing_is_sent() {
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let client = ours.identity("client", VALID);
    let flawed = [
        (ours.identity("localhost", 2001), &ours, "xpired"),
        (ours.identity("elsewhere.example", VALID), &ours, "not valid for name"),
        (ours.identity("localhost", VALID), &foreign, "UnknownIssuer"),
    ];
    for (server, trusted, reason) in flawed {
        let port = tls_before(fake_engine().await, &server, &ours).await;
        let error = engine_at(port, trusted, Some(&client)).list_containers(&[]).await.unwrap_err();
        assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains("its certificate is refused"), "{text}");
        assert!(text.contains(&format!("https://localhost:{port}")), "{text}");
    }
}

#[tokio::test]
async fn an_engine_that_refuses_our_certificate_or_speaks_no_tls_says_so() {
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let port = tls_before(fake_engine().await, &ours.identity("localhost", VALID), &ours).await;
    for client in [None, Some(foreign.identity("client", VALID))] {
        let error = engine_at(port, &ours, client.as_ref()).list_containers(&[]).await.unwrap_err();
        assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
        assert!(error.to_string().contains("alert"), "{error}");
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = engine_at(port, &ours, None).list_containers(&[]).await.unwrap_err();
    assert!(error.to_string().contains("it does not speak TLS there"), "{error}");
}

#[test]
fn material_that_cannot_be_used_is_told_when_the_provider_is_made() {
    let ours = Authority::new("ours");
    let identity = ours.identity("client", VALID);
    let other = ours.identity("client", VALID);
    let try_with = |material: Value| {
        let mut options = json!({ "host": "localhost", "protocol": "https" });
        options.as_object_mut().unwrap().extend(material.as_object().cloned().unwrap());
        match Engine::new(connection(options)) {
            Err(Error::InvalidConfig { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    };
    for (material, word) in [
        (json!({ "ca": "nonsense" }), "ca "),
        (json!({ "cert": identity.cert }), "without its key"),
        (json!({ "key": identity.key }), "without its cert"),
        (json!({ "cert": identity.cert, "key": "nonsense" }), "key "),
        (json!({ "cert": identity.cert, "key": other.key }), "cert and key"),
    ] {
        let problem = try_with(material);
        assert!(problem.contains(word) && !problem.contains("BEGIN"), "{word}: {problem}");
    }
}

#[tokio::test]
async fn an_exec_and_its_half_close_work_under_tls() {
    let test = "an_exec_and_its_half_close_work_under_tls";
    let Some(plain) = real_engine(test).await else { return };
    let Some(socket) =
        std::env::var("DOCKER_HOST").ok().and_then(|h| h.strip_prefix("unix://").map(str::to_owned))
    else {
        eprintln!("skipped {test}: DOCKER_HOST is no unix socket");
        return;
    };
    let ours = Authority::new("ours");
    let port = tls_before(Behind::Socket(socket), &ours.identity("localhost", VALID), &ours).await;
    let engine = engine_at(port, &ours, Some(&ours.identity("client", VALID)));
    with_container(&plain, async move |_, id| {
        let mut spec = shell("cat; echo end");
        spec.stdin = true;
        let mut exec = engine.exec(&id, spec).await.unwrap();
        let data: Vec<u8> = (0..500_000u32).map(|index| (index % 251) as u8).collect();
        let (mut input, sent) = (exec.input, data.clone());
        let writing = tokio::spawn(async move {
            input.write_all(&sent).await.unwrap();
            input.shutdown().await.unwrap();
            input
        });
        let mut got = Vec::new();
        while let Some(chunk) = exec.output.next().await {
            got.extend_from_slice(&chunk.unwrap().data);
        }
        writing.await.unwrap();
        assert!(got == [&data[..], b"end\n"].concat(), "{} of {} bytes", got.len(), data.len());
        assert_eq!(exit_code(&engine, &exec.id).await, 0);
    })
    .await;
}
