//! What the tests of the Docker layer share: the real engine where there is one, and a made-up one that records what
//! it is asked and answers what it is told to.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

pub mod tls;

use std::path::Path;
use std::sync::{Arc, Mutex};

use computesdk_docker_host::chunk::{Chunk, Stream};
use computesdk_docker_host::docker::{Connection, Engine, ExecSpec, ExecStream};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};

/// Every sandbox image of the tests has a Python or BusyBox userland with a shell.
pub const IMAGE: &str = "node:20-alpine";

pub fn connection(json: Value) -> Connection {
    serde_json::from_value(json).expect("a connection")
}

/// The engine of `DOCKER_HOST`, or nothing after saying that `test` is skipped.
pub async fn real_engine(test: &str) -> Option<Engine> {
    let engine = Engine::new(Connection::default()).expect("a valid environment");
    match engine.describe().await {
        Ok(_) => Some(engine),
        Err(error) => {
            eprintln!("skipped {test}: {error}");
            None
        }
    }
}

/// A running container that does nothing, removed at the end of `body`, also when that panics.
pub async fn with_container<F: Future<Output = ()> + Send + 'static>(
    engine: &Engine,
    body: impl FnOnce(Engine, String) -> F,
) {
    let entrypoint = json!(["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done"]);
    with_container_of(engine, json!({ "Image": IMAGE, "Entrypoint": entrypoint }), body).await;
}

/// As [`with_container`], of any image and with any settings.
pub async fn with_container_of<F: Future<Output = ()> + Send + 'static>(
    engine: &Engine,
    mut spec: Value,
    body: impl FnOnce(Engine, String) -> F,
) {
    spec["Labels"] = json!({ "com.computesdk.test": "docker-layer" });
    spec["HostConfig"]["NetworkMode"] = json!("none");
    let id = engine.create_container(None, None, &spec).await.expect("a container");
    let started = engine.start_container(&id, &Value::Null).await;
    let outcome = match started {
        Ok(()) => tokio::spawn(body(engine.clone(), id.clone())).await,
        Err(error) => panic!("{error}"),
    };
    engine.remove_container(&id).await.expect("removed");
    outcome.expect("the test's body");
}

pub fn shell(script: &str) -> ExecSpec {
    ExecSpec { cmd: ["sh", "-c", script].map(str::to_owned).to_vec(), ..ExecSpec::default() }
}

/// All output by stream; panics where it breaks.
pub async fn collect(exec: &mut ExecStream) -> (Vec<u8>, Vec<u8>) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.output.next().await {
        let Chunk { stream, data } = chunk.expect("output");
        if stream == Stream::Stdout {
            stdout.extend_from_slice(&data);
        } else {
            stderr.extend_from_slice(&data);
        }
    }
    (stdout, stderr)
}

/// Polls until the exec's code is known: the stream may end a moment earlier.
pub async fn exit_code(engine: &Engine, exec: &str) -> i64 {
    loop {
        if let Some(code) = engine.exec_exit(exec).await.expect("an exec") {
            return code;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// What a made-up engine does with a request after having recorded it.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Sent as it is; the connection stays open for the next request.
    Bytes(Vec<u8>),
    /// Sent as it is, then the connection is closed.
    Last(Vec<u8>),
    Silence,
}

pub type Requests = Arc<Mutex<Vec<String>>>;

/// A made-up engine on loopback: its port, and the heads of the requests so far.
pub async fn fake(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> (u16, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Requests::default();
    let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            tokio::spawn(async move { serve(stream, answer.as_ref(), &seen).await });
        }
    });
    (port, requests)
}

async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str, usize) -> Reply + Send + Sync),
    seen: &Requests,
) {
    while let Some(head) = read_request(&mut stream).await {
        let index = {
            let mut seen = seen.lock().expect("no panic");
            seen.push(head.clone());
            seen.len() - 1
        };
        match answer(&head, index) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await.expect("a client"),
            Reply::Last(bytes) => {
                stream.write_all(&bytes).await.expect("a client");
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// Makes a made-up engine answer on a unix socket too.
pub fn socket_before(path: &Path, port: u16) {
    let listener = UnixListener::bind(path).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut engine = TcpStream::connect(("127.0.0.1", port)).await.expect("the fake");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut engine).await });
        }
    });
}

/// An empty folder for one test.
pub fn folder(test: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("computesdk-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The head of the next request, its body of a known length skipped.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head in ASCII").to_lowercase_names();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    stream.read_exact(&mut vec![0; length]).await.ok()?;
    Some(head)
}

trait LowerNames {
    fn to_lowercase_names(self) -> String;
}

impl LowerNames for String {
    fn to_lowercase_names(self) -> String {
        let line = |line: &str| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
            None => line.to_owned(),
        };
        self.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn request_lines(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().expect("no panic");
    requests.iter().map(|head| head.split(" HTTP/").next().unwrap_or_default().to_owned()).collect()
}

pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

pub fn pong(version: &str) -> Reply {
    Reply::Bytes(answer("200 OK", &format!("api-version: {version}\r\n"), "OK"))
}
