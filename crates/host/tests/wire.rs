//! What goes over the wire, and what becomes of engines that are silent, gone, foreign or too old.

mod support;

use std::time::{Duration, Instant};

use computesdk_docker_host::docker::{
    Engine, ExecSpec, Login, Method, PullRequest, RawRequest, RegistryAuth,
};
use computesdk_docker_host::error::Error;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use support::{Reply, answer, connection, fake, folder, header, pong, request_lines, socket_before};

fn engine_at(port: u16, mut options: Value) -> Engine {
    options["host"] = json!("127.0.0.1");
    options["port"] = json!(port);
    Engine::new(connection(options)).expect("a valid connection")
}

fn ok(body: &str) -> Reply {
    Reply::Bytes(answer("200 OK", "content-type: application/json\r\n", body))
}

const DEFAULTS: Value = Value::Null;

#[tokio::test]
async fn the_version_is_asked_once_and_stands_before_every_path_of_ours_and_of_bollard() {
    let (port, requests) = fake(|head, _| match head {
        head if head.starts_with("GET /_ping") => pong("1.44"),
        head if head.contains("/containers/json") => ok("[]"),
        _ => Reply::Bytes(answer("404 Not Found", "", r#"{"message":"no such volume"}"#)),
    })
    .await;
    let engine = engine_at(port, DEFAULTS);
    assert!(engine.list_containers(&["a=b"]).await.unwrap().is_empty());
    assert!(!engine.volume_exists("v").await.unwrap());
    let raw = engine.request(RawRequest::new(Method::Get, "/info").query("a b", "c/d")).await.unwrap();
    assert_eq!(raw.status, 404);
    let lines = request_lines(&requests);
    let filters = "%7B%22label%22%3A%5B%22a%3Db%22%5D%7D";
    let expected = [
        "GET /_ping".to_owned(),
        format!("GET /v1.44/containers/json?all=1&filters={filters}"),
        "GET /v1.44/volumes/v".to_owned(),
        "GET /v1.44/info?a%20b=c%2Fd".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_newer_engine_is_spoken_to_in_the_newest_version_that_is_known() {
    let (port, requests) = fake(|head, _| if head.contains("_ping") { pong("1.99") } else { ok("[]") }).await;
    engine_at(port, DEFAULTS).list_containers(&[]).await.unwrap();
    assert!(request_lines(&requests)[1].starts_with("GET /v1.51/"), "{requests:?}");
}

#[tokio::test]
async fn a_version_in_the_config_is_used_without_asking_and_headers_go_with_every_request() {
    let (port, requests) = fake(|_, _| ok("[]")).await;
    let engine = engine_at(port, json!({ "version": "v1.43", "headers": { "X-Token": "t" } }));
    engine.list_containers(&[]).await.unwrap();
    assert!(request_lines(&requests)[0].starts_with("GET /v1.43/containers/json"), "{requests:?}");
    assert_eq!(header(&requests.lock().unwrap()[0], "x-token"), Some("t"));
}

#[tokio::test]
async fn an_engine_that_is_too_old_and_something_that_is_no_engine_are_told_apart() {
    let (old, _) = fake(|_, _| pong("1.24")).await;
    let error = engine_at(old, DEFAULTS).list_containers(&[]).await.unwrap_err().to_string();
    assert!(error.contains("API 1.24") && error.contains("1.41"), "{error}");
    let (web, _) = fake(|_, _| Reply::Bytes(answer("200 OK", "", "<html>hello</html>"))).await;
    let error = engine_at(web, DEFAULTS).list_containers(&[]).await.unwrap_err();
    assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
    assert!(error.to_string().contains("no Docker engine"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address_and_where_it_came_from() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = engine_at(port, DEFAULTS).list_containers(&[]).await.unwrap_err();
    assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
    let text = error.to_string();
    assert!(
        text.contains(&format!("tcp://127.0.0.1:{port}")) && text.contains("config.connection"),
        "{text}"
    );
    let engine = Engine::new(connection(json!({ "socketPath": "/nowhere/docker.sock" }))).unwrap();
    let pull = PullRequest { image: "a", platform: None, login: &Login::default() };
    for error in [
        engine.list_containers(&[]).await.unwrap_err(),
        engine.volume_exists("v").await.unwrap_err(),
        engine.pull(pull, &mut |_| {}).await.unwrap_err(),
        engine.exec("a", ExecSpec::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
        assert!(error.to_string().contains("unix:///nowhere/docker.sock"), "{error}");
    }
}

#[tokio::test]
async fn a_provider_made_while_the_engine_is_down_works_once_it_is_up() {
    let folder = folder("late");
    let socket = folder.join("docker.sock");
    let engine = Engine::new(connection(json!({ "socketPath": socket }))).unwrap();
    assert!(engine.list_containers(&[]).await.is_err());
    let (port, _) = fake(|head, _| if head.contains("_ping") { pong("1.41") } else { ok("[]") }).await;
    socket_before(&socket, port);
    assert!(engine.list_containers(&[]).await.unwrap().is_empty());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_silent_engine_is_given_up_after_the_timeout_in_every_call() {
    let (port, _) = fake(|head, _| if head.contains("_ping") { pong("1.41") } else { Reply::Silence }).await;
    let engine = engine_at(port, json!({ "timeout": 200 }));
    let start = Instant::now();
    for error in [
        engine.list_containers(&[]).await.unwrap_err(),
        engine.volume_exists("v").await.unwrap_err(),
        engine.exec("a", ExecSpec::default()).await.unwrap_err(),
        engine.remove_container("a").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("did not answer within 200 ms"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    let (port, _) = fake(|_, _| Reply::Silence).await;
    let error = engine_at(port, json!({ "timeout": 200 })).list_containers(&[]).await.unwrap_err();
    assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_given_up_and_one_that_breaks_is_told() {
    let half = |reply: fn(Vec<u8>) -> Reply| {
        move |head: &str, _: usize| match head.contains("_ping") {
            true => pong("1.41"),
            false => reply(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[".to_vec()),
        }
    };
    let (port, _) = fake(half(Reply::Bytes)).await;
    let engine = engine_at(port, json!({ "timeout": 200 }));
    let error = engine.list_containers(&[]).await.unwrap_err();
    assert!(error.to_string().contains("did not answer"), "{error}");
    let error = engine.request(RawRequest::new(Method::Get, "/info")).await.unwrap_err();
    assert!(error.to_string().contains("did not answer"), "{error}");
    let (port, _) = fake(half(Reply::Last)).await;
    let error = engine_at(port, DEFAULTS).list_containers(&[]).await.unwrap_err();
    assert!(error.to_string().contains("the connection broke"), "{error}");
}

#[tokio::test]
async fn a_read_on_a_dead_pooled_connection_is_sent_again_and_a_change_is_not() {
    // Answers, then drops the connection on the next request without a word, as a restarted engine does.
    let (port, requests) = fake(|head, index| match index {
        _ if head.contains("_ping") => pong("1.41"),
        2 | 4 => Reply::Last(Vec::new()),
        _ => ok("[]"),
    })
    .await;
    let engine = engine_at(port, DEFAULTS);
    engine.list_containers(&[]).await.unwrap();
    engine.list_containers(&[]).await.unwrap();
    assert_eq!(requests.lock().unwrap().len(), 4, "ping, list, list that broke, list again");
    let error = engine.start_container("a", &Value::Null).await.unwrap_err();
    assert_eq!(error.code(), "ERR_DOCKER_UNREACHABLE");
    assert_eq!(requests.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_thousand_calls_at_once_hold_few_connections() {
    let open = std::sync::Arc::new(std::sync::Mutex::new((0usize, 0usize)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (fake_port, requests) =
        fake(|head, _| if head.contains("_ping") { pong("1.41") } else { ok("[]") }).await;
    let counting = std::sync::Arc::clone(&open);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counting = std::sync::Arc::clone(&counting);
            tokio::spawn(async move {
                {
                    let mut open = counting.lock().unwrap();
                    *open = (open.0 + 1, open.1.max(open.0 + 1));
                }
                // An engine that takes its time, so that all calls are under way together.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut engine = tokio::net::TcpStream::connect(("127.0.0.1", fake_port)).await.unwrap();
                _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                counting.lock().unwrap().0 -= 1;
            });
        }
    });
    let engine = engine_at(port, DEFAULTS);
    let calls = (0..1000).map(|index| {
        let engine = engine.clone();
        async move {
            match index % 2 {
                0 => engine.list_containers(&[]).await.map(drop),
                _ => engine.request(RawRequest::new(Method::Get, "/info")).await.map(drop),
            }
        }
    });
    futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!(requests.lock().unwrap().len(), 1001);
    let most = open.lock().unwrap().1;
    assert!(most <= 160, "{most} connections at once");
}

#[tokio::test]
async fn names_that_would_reach_another_endpoint_never_leave() {
    let (port, requests) = fake(|_, _| pong("1.41")).await;
    let engine = engine_at(port, DEFAULTS);
    for id in ["../images/x", "a/b", "a?force=1", "", "a\0b"] {
        assert!(engine.inspect_container(id).await.unwrap().is_none());
        assert!(engine.inspect_image(&format!("{id}?")).await.unwrap().is_none());
        engine.remove_container(id).await.unwrap();
        engine.stop_container(id, 1).await.unwrap();
        assert!(matches!(engine.start_container(id, &Value::Null).await, Err(Error::SandboxNotFound { .. })));
        assert!(matches!(engine.exec(id, ExecSpec::default()).await, Err(Error::SandboxNotFound { .. })));
        assert!(engine.exec_exit(id).await.is_err());
        assert!(!engine.volume_exists(id).await.unwrap());
        assert!(engine.remove_volume(id).await.is_err());
        assert!(
            engine.request(RawRequest::new(Method::Get, format!("/containers/{id}/../json"))).await.is_err()
        );
    }
    assert!(requests.lock().unwrap().is_empty(), "{requests:?}");
}

#[tokio::test]
async fn credentials_go_to_the_engine_as_base64url_and_nowhere_else() {
    let (port, requests) = fake(|head, _| match head.contains("_ping") {
        true => pong("1.41"),
        false => ok(r#"{"errorDetail":{"message":"unauthorized: wrong"},"error":"unauthorized: wrong"}"#),
    })
    .await;
    // Its JSON encodes to both characters that the two alphabets differ in.
    let password = "ûÿ>?~hunter2";
    let auth = RegistryAuth {
        username: Some("me".to_owned()),
        password: Some(password.to_owned()),
        ..RegistryAuth::default()
    };
    let login = Login { auth: Some(auth), hint: String::new() };
    let request = PullRequest { image: "r.example:5000/a", platform: Some("linux/arm64"), login: &login };
    let error = engine_at(port, DEFAULTS).pull(request, &mut |_| {}).await.unwrap_err();
    assert_eq!(error.code(), "ERR_REGISTRY_AUTH");
    assert!(!format!("{error:?}").contains("hunter2"));
    let heads = requests.lock().unwrap();
    assert!(
        heads[1].starts_with("POST /v1.41/images/create?fromImage=r.example%3A5000%2Fa&tag=latest"),
        "{heads:?}"
    );
    let sent = header(&heads[1], "x-registry-auth").unwrap();
    assert!(!sent.contains(['+', '/']), "{sent}");
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE, sent).unwrap();
    let decoded: Value = serde_json::from_slice(&decoded).unwrap();
    assert_eq!((decoded["username"].as_str(), decoded["password"].as_str()), (Some("me"), Some(password)));
}

/// An engine whose exec sends `output` and then closes.
async fn exec_sending(output: &'static [u8]) -> Vec<Result<bytes::Bytes, String>> {
    let (port, _) = fake(move |head, _| match head {
        head if head.contains("_ping") => pong("1.41"),
        head if head.contains("/start") => {
            let upgrade = b"HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n";
            Reply::Last([upgrade, output].concat())
        }
        _ => Reply::Bytes(answer("201 Created", "", r#"{"Id":"e"}"#)),
    })
    .await;
    let exec = engine_at(port, DEFAULTS).exec("a", ExecSpec::default()).await.expect("an exec");
    exec.output.map(|chunk| chunk.map(|chunk| chunk.data).map_err(|error| error.to_string())).collect().await
}

#[tokio::test]
async fn output_that_ends_within_a_frame_is_an_error_and_at_its_end_is_none() {
    let whole = exec_sending(b"\x01\0\0\0\0\0\0\x02ok").await;
    assert_eq!(whole, [Ok(bytes::Bytes::from_static(b"ok"))]);
    for torn in [&b"\x01\0\0\0\0\0\0\x05ok"[..], b"\x01\0\0\0\0\0\0\x02ok\x01\0\0"] {
        let chunks = exec_sending(torn).await;
        assert_eq!(chunks[0], Ok(bytes::Bytes::from_static(b"ok")));
        assert!(chunks[1].as_ref().unwrap_err().contains("broke during"), "{chunks:?}");
        assert_eq!(chunks.len(), 2);
    }
    assert!(exec_sending(b"panic: not a frame").await[0].is_err());
}

#[tokio::test]
async fn a_removal_that_the_engine_cannot_finish_yet_is_asked_for_again() {
    for complaint in [
        "cannot remove - tried to kill container, but did not receive an exit event",
        "unable to remove filesystem for 0f: unlinkat /c/0f: directory not empty",
    ] {
        let (port, requests) = fake(move |head, number| match number {
            _ if head.contains("_ping") => pong("1.41"),
            0..=2 => Reply::Bytes(answer("500 Error", "", &json!({ "message": complaint }).to_string())),
            _ => Reply::Bytes(answer("204 No Content", "", "")),
        })
        .await;
        engine_at(port, DEFAULTS).remove_container("0f").await.unwrap();
        let asked = request_lines(&requests).iter().filter(|line| line.starts_with("DELETE")).count();
        assert!(asked >= 2, "{requests:?}");
    }
    let other = r#"{"message":"driver failed to remove root filesystem"}"#;
    let (port, requests) = fake(|head, _| match head.contains("_ping") {
        true => pong("1.41"),
        false => Reply::Bytes(answer("500 Error", "", other)),
    })
    .await;
    assert!(engine_at(port, DEFAULTS).remove_container("0f").await.is_err());
    assert_eq!(request_lines(&requests).iter().filter(|line| line.starts_with("DELETE")).count(), 1);
}
