//! What a call costs: engine calls, counted on the wire.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use computesdk_docker_host::docker::{Connection, Engine};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use crate::{DEBIAN, Sandbox, sh, within};

type Lines = Arc<Mutex<Vec<String>>>;

/// An engine that passes everything on to the real one's socket, and the request lines it has seen.
async fn counting(socket: String) -> (Engine, Lines) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let lines = Lines::default();
    let seen = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let engine = UnixStream::connect(&socket).await.expect("the engine");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_engine, mut to_engine) = engine.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_engine, &mut to_client).await });
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    // Requests are small and sent one by one: each begins a piece.
                    let text = String::from_utf8_lossy(&buffer[..count]);
                    let line = text.lines().next().unwrap_or_default();
                    if line.ends_with("HTTP/1.1") {
                        seen.lock().expect("no panic").push(line.to_owned());
                    }
                    if to_engine.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
                _ = to_engine.shutdown().await;
            });
        }
    });
    let connection: Connection =
        serde_json::from_value(json!({ "host": "127.0.0.1", "port": port })).expect("a connection");
    (Engine::new(connection).expect("an engine"), lines)
}

#[tokio::test]
async fn a_call_takes_no_more_than_three_engine_calls() {
    let Some(socket) =
        std::env::var("DOCKER_HOST").ok().and_then(|host| Some(host.strip_prefix("unix://")?.to_owned()))
    else {
        eprintln!("skipped a_call_takes_no_more_than_three_engine_calls: DOCKER_HOST names no socket");
        return;
    };
    within("a_call_takes_no_more_than_three_engine_calls", DEBIAN, json!({}), |sandbox: Sandbox| {
        let counting = counting(socket.clone());
        async move {
            let (engine, lines) = counting.await;
            let counted = Sandbox::new(engine, sandbox.id.clone(), None);
            // The first call also asks for the engine's version.
            counted.sh("true").await;
            let count = || std::mem::take(&mut *lines.lock().expect("no panic"));
            count();
            counted.sh("echo x; sleep 0.1").await;
            let run = count();
            counted.session.start(sh("true")).await.expect("started");
            let start = count();
            counted.session.write_file("x", Bytes::from_static(b"x")).await.expect("written");
            let write = count();
            assert!(run.len() == 3 && start.len() == 2 && write.len() == 3, "{run:#?} {start:#?} {write:#?}");
        }
    })
    .await;
}
