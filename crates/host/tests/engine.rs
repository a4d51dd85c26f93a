//! The Docker layer on a real engine, that of `DOCKER_HOST`.

mod support;

use bytes::Bytes;
use computesdk_docker_host::docker::{Login, Method, PullRequest, RawBody, RawRequest};
use computesdk_docker_host::error::Error;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use support::{IMAGE, collect, exit_code, real_engine, shell, with_container};
use tokio::io::AsyncWriteExt as _;

macro_rules! engine {
    ($test:literal) => {
        match real_engine($test).await {
            Some(engine) => engine,
            None => return,
        }
    };
}

#[tokio::test]
async fn an_engine_tells_what_it_is() {
    let engine = engine!("an_engine_tells_what_it_is");
    let info = engine.describe().await.unwrap();
    assert!(!info.name.is_empty() && info.version.contains('.'), "{info:?}");
    assert!(info.api_version.starts_with("1.") && info.found.contains("://"), "{info:?}");
    assert!(!engine.host().is_empty());
}

#[tokio::test]
async fn a_container_is_made_started_listed_and_removed() {
    let engine = engine!("a_container_is_made_started_listed_and_removed");
    with_container(&engine, async |engine, id| {
        // Started twice is fine.
        engine.start_container(&id, &json!({ "detachKeys": "ctrl-a" })).await.unwrap();
        let container = engine.inspect_container(&id).await.unwrap().unwrap();
        assert_eq!(container["State"]["Running"], true);
        let listed = engine.list_containers(&["com.computesdk.test=docker-layer"]).await.unwrap();
        assert!(listed.iter().any(|container| container["Id"] == id.as_str()));
        let foreign = engine.list_containers(&["com.computesdk.test=other"]).await.unwrap();
        assert!(foreign.is_empty());
        engine.stop_container(&id, 5).await.unwrap();
        engine.stop_container(&id, 5).await.unwrap();
        // Two removals at once: both answer, and then it is gone.
        let (one, two) = tokio::join!(engine.remove_container(&id), engine.remove_container(&id));
        one.and(two).unwrap();
        assert!(engine.inspect_container(&id).await.unwrap().is_none());
        assert!(matches!(
            engine.start_container(&id, &Value::Null).await,
            Err(Error::SandboxNotFound { .. })
        ));
    })
    .await;
}

#[tokio::test]
async fn a_container_that_removes_itself_can_be_removed_at_the_same_time() {
    let engine = engine!("a_container_that_removes_itself_can_be_removed_at_the_same_time");
    let spec = json!({
        "Image": IMAGE, "Entrypoint": ["sleep", "60"],
        "HostConfig": { "AutoRemove": true, "NetworkMode": "none" },
    });
    let id = engine.create_container(None, None, &spec).await.unwrap();
    engine.start_container(&id, &Value::Null).await.unwrap();
    engine.remove_container(&id).await.unwrap();
    assert!(engine.inspect_container(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_created_says_why() {
    let engine = engine!("what_cannot_be_created_says_why");
    let error = engine.create_container(None, None, &json!({ "Image": "computesdk-test/none:1" })).await;
    assert!(matches!(error, Err(Error::ImageNotFound { image, .. }) if image == "computesdk-test/none:1"));
    with_container(&engine, async |engine, id| {
        let name =
            engine.inspect_container(&id).await.unwrap().unwrap()["Name"].as_str().unwrap()[1..].to_owned();
        match engine.create_container(Some(&name), None, &json!({ "Image": IMAGE })).await {
            Err(Error::Api { status: Some(409), message, .. }) => {
                assert!(message.contains(&name), "{message}");
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn an_exec_gives_both_streams_and_its_code() {
    let engine = engine!("an_exec_gives_both_streams_and_its_code");
    with_container(&engine, async |engine, id| {
        let mut spec = shell("echo $GREETING; pwd; id -u; echo oops >&2; exit 3");
        spec.env = vec!["GREETING=hello there".to_owned()];
        spec.workdir = Some("/tmp".to_owned());
        spec.user = Some("1000".to_owned());
        let mut exec = engine.exec(&id, spec).await.unwrap();
        let (stdout, stderr) = collect(&mut exec).await;
        assert_eq!((stdout, stderr), (b"hello there\n/tmp\n1000\n".to_vec(), b"oops\n".to_vec()));
        assert_eq!(exit_code(&engine, &exec.id).await, 3);
    })
    .await;
}

#[tokio::test]
async fn stdin_is_carried_whole_and_its_end_is_seen_while_output_still_comes() {
    let engine = engine!("stdin_is_carried_whole_and_its_end_is_seen_while_output_still_comes");
    with_container(&engine, async |engine, id| {
        let mut spec = shell("cat; echo end");
        spec.stdin = true;
        let mut exec = engine.exec(&id, spec).await.unwrap();
        assert_eq!(engine.exec_exit(&exec.id).await.unwrap(), None, "it runs");
        let data: Vec<u8> = (0..3_000_000u32).map(|index| (index % 251) as u8).collect();
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

#[tokio::test]
async fn an_exec_in_a_container_that_does_not_run_tells_its_state() {
    let engine = engine!("an_exec_in_a_container_that_does_not_run_tells_its_state");
    with_container(&engine, async |engine, id| {
        let state = async || match engine.exec(&id, shell("true")).await {
            Err(Error::SandboxStopped { state, .. }) => state,
            other => panic!("{other:?}"),
        };
        let pause = |verb: &str| RawRequest::new(Method::Post, format!("/containers/{id}/{verb}"));
        assert_eq!(engine.request(pause("pause")).await.unwrap().status, 204);
        assert_eq!(state().await, "paused");
        assert_eq!(engine.request(pause("unpause")).await.unwrap().status, 204);
        engine.stop_container(&id, 5).await.unwrap();
        assert_eq!(state().await, "exited");
        engine.remove_container(&id).await.unwrap();
        let gone = engine.exec(&id, shell("true")).await;
        assert!(matches!(gone, Err(Error::SandboxNotFound { .. })), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn two_hundred_execs_at_once_all_answer() {
    let engine = engine!("two_hundred_execs_at_once_all_answer");
    with_container(&engine, async |engine, id| {
        let runs = (0..200).map(|index| {
            let (engine, id) = (engine.clone(), id.clone());
            async move {
                let mut exec = engine.exec(&id, shell(&format!("echo {index}"))).await.unwrap();
                assert_eq!(collect(&mut exec).await.0, format!("{index}\n").into_bytes());
                assert_eq!(exit_code(&engine, &exec.id).await, 0);
            }
        });
        futures_util::future::join_all(runs).await;
    })
    .await;
}

#[tokio::test]
async fn archives_are_unpacked_and_raw_answers_stream() {
    let engine = engine!("archives_are_unpacked_and_raw_answers_stream");
    with_container(&engine, async |engine, id| {
        engine.put_archive(&id, "/tmp", tar("note", b"hello")).await.unwrap();
        let mut exec = engine.exec(&id, shell("cat /tmp/note")).await.unwrap();
        assert_eq!(collect(&mut exec).await.0, b"hello");
        match engine.put_archive(&id, "/nowhere", tar("note", b"hello")).await {
            Err(Error::Api { status: Some(404), .. }) => {}
            other => panic!("{other:?}"),
        }
        let get =
            RawRequest::new(Method::Get, format!("/containers/{id}/archive")).query("path", "/tmp/note");
        let mut stream = engine.request_stream(get).await.unwrap();
        assert_eq!(stream.status, 200);
        assert!(stream.headers.iter().any(|(name, _)| name == "x-docker-container-path-stat"));
        let mut tar = Vec::new();
        while let Some(chunk) = stream.next().await {
            tar.extend_from_slice(&chunk.unwrap());
        }
        assert!(tar.windows(5).any(|part| part == b"hello"));
    })
    .await;
}

/// One file as a tar archive.
fn tar(name: &str, content: &[u8]) -> Bytes {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut tar = header.to_vec();
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar.into()
}

#[tokio::test]
async fn images_are_looked_up_and_failed_pulls_say_what_failed() {
    let engine = engine!("images_are_looked_up_and_failed_pulls_say_what_failed");
    let image = engine.inspect_image(IMAGE).await.unwrap().unwrap();
    assert!(
        image.id.starts_with("sha256:") && image.os == "linux" && !image.architecture.is_empty(),
        "{image:?}"
    );
    assert_eq!(engine.inspect_image(&image.id).await.unwrap(), Some(image));
    assert_eq!(engine.inspect_image("computesdk-test/none:1").await.unwrap(), None);
    // Nothing listens there; the engine says so in its own words.
    let request = PullRequest { image: "127.0.0.1:1/nothing:1", platform: None, login: &Login::default() };
    match engine.pull(request, &mut |_| {}).await {
        Err(Error::ImagePull { message, .. }) => assert!(message.contains("127.0.0.1:1"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn volumes_are_made_found_and_removed() {
    let engine = engine!("volumes_are_made_found_and_removed");
    let name = format!("computesdk-test-{}", std::process::id());
    assert!(!engine.volume_exists(&name).await.unwrap());
    engine.create_volume(&name, &[("com.computesdk.test", "docker-layer")]).await.unwrap();
    engine.create_volume(&name, &[("com.computesdk.test", "docker-layer")]).await.unwrap();
    assert!(engine.volume_exists(&name).await.unwrap());
    engine.remove_volume(&name).await.unwrap();
    engine.remove_volume(&name).await.unwrap();
    assert!(!engine.volume_exists(&name).await.unwrap());
}

#[tokio::test]
async fn a_raw_request_answers_whatever_the_status() {
    let engine = engine!("a_raw_request_answers_whatever_the_status");
    let body = RawBody::Json(json!({ "Image": "computesdk-test/none:1" }));
    let answer =
        engine.request(RawRequest::new(Method::Post, "/containers/create").body(body)).await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(serde_json::from_slice::<Value>(&answer.body).unwrap()["message"].is_string());
}
