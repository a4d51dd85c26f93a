//! A host that breaks the protocol: an error on stderr and code 2, never a panic, never memory without bound.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use computesdk_docker_protocol::{CHUNK, Hello, INPUT_WINDOW, MAX_PAYLOAD, Run, ToAgent, VERSION, WriteFile};
use support::{Agent, argv};

fn ends_with_code_2(agent: Agent, reason: &str) {
    let (status, said) = agent.wait();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.starts_with("computesdk-agent: ") && said.contains(reason), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn garbage() {
    let mut agent = Agent::start();
    agent.send_raw(b"GET / HTTP/1.1\r\nHost: agent\r\n\r\n");
    ends_with_code_2(agent, "over the limit");
}

#[test]
fn an_oversize_frame_is_refused_before_it_arrives() {
    let mut agent = Agent::start();
    let mut header = (MAX_PAYLOAD as u32 + 1).to_le_bytes().to_vec();
    header.extend([1, 0, 0, 0, 1]);
    agent.send_raw(&header);
    ends_with_code_2(agent, "over the limit");
}

#[test]
fn an_unknown_kind() {
    let mut agent = Agent::start();
    agent.send_raw(&[0, 0, 0, 0, 1, 0, 0, 0, 99]);
    ends_with_code_2(agent, "unknown frame kind 99");
}

#[test]
fn a_payload_that_is_no_message() {
    let mut agent = Agent::start();
    agent.send_raw(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 255]);
    ends_with_code_2(agent, "malformed run message");
}

#[test]
fn no_hello() {
    let mut agent = Agent::start_silent(|_| {});
    agent.send(1, &ToAgent::Ping);
    ends_with_code_2(agent, "hello first");
}

#[test]
fn another_version() {
    let mut agent = Agent::start_silent(|_| {});
    agent.send(0, &ToAgent::Hello(Hello { version: VERSION + 1 }));
    ends_with_code_2(agent, "version");
}

#[test]
fn a_stream_that_ends_inside_a_frame() {
    let mut agent = Agent::start();
    agent.send_raw(&[3, 0, 0, 0, 1]);
    agent.stdin = None;
    ends_with_code_2(agent, "inside a frame");
}

#[test]
fn an_id_that_is_in_use() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(argv(&["sleep", "600"])));
    agent.send(id, &ToAgent::Ping);
    ends_with_code_2(agent, "under way already");
}

#[test]
fn input_beyond_the_window() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(Run { stdin: true, ..argv(&["sleep", "600"]) }));
    // A pipe takes some of it away.
    for _ in 0..2 * INPUT_WINDOW / CHUNK {
        agent.send(id, &ToAgent::Stdin(vec![0; CHUNK]));
    }
    ends_with_code_2(agent, "than it has window for");
}

#[test]
fn input_for_a_request_that_takes_none() {
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::Run(argv(&["sleep", "600"])));
    agent.send(id, &ToAgent::Data(b"x".to_vec()));
    ends_with_code_2(agent, "takes none");
    let mut agent = Agent::start();
    let id = agent.ask(&ToAgent::WriteFile(WriteFile { path: "/dev/null".into() }));
    agent.send(id, &ToAgent::Stdin(b"x".to_vec()));
    ends_with_code_2(agent, "takes none");
}

#[test]
fn what_crosses_the_end_of_a_request_is_no_fault() {
    let mut agent = Agent::start();
    let input = || b"x".to_vec();
    for message in [
        ToAgent::Stdin(input()),
        ToAgent::StdinEnd,
        ToAgent::Data(input()),
        ToAgent::DataEnd,
        ToAgent::Kill,
        ToAgent::Cancel,
        ToAgent::Credit(5),
    ] {
        agent.send(77, &message);
    }
    agent.ping();
}

#[test]
fn a_host_that_takes_no_answers_is_not_heard_for_ever() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_computesdk-agent"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut pings = Vec::new();
    ToAgent::Hello(Hello { version: VERSION }).encode(0, &mut pings).expect("fits");
    for _ in 0..1_000_000 {
        ToAgent::Ping.encode(1, &mut pings).expect("fits");
    }
    let writer = std::thread::spawn(move || stdin.write_all(&pings));
    std::thread::sleep(Duration::from_millis(300));
    let resident = support::resident_kib(child.id());
    child.kill().expect("ours");
    child.wait().expect("ours");
    assert!(writer.join().expect("ends").is_err(), "not all pings were taken");
    assert!(resident < 4096, "{resident} KiB");
}

#[test]
fn floods_grow_no_memory_and_delay_nobody() {
    let mut agent = Agent::start();
    let floods: Vec<u32> = (0..8).map(|_| agent.ask(&ToAgent::Run(argv(&["yes"])))).collect();
    for _ in 0..200 {
        agent.ping();
    }
    assert_eq!(agent.sh("echo through").stdout, "through\n");
    let resident = agent.resident_kib();
    assert!(resident < 4096, "{resident} KiB");
    for id in floods {
        agent.send(id, &ToAgent::Kill);
        assert_eq!(agent.finish(id).end, support::killed());
    }
}

#[test]
fn other_words_are_refused() {
    for args in [&[][..], &["help"], &["serve", "more"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_computesdk-agent")).args(args).output();
        let output = output.expect("the agent starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage"));
    }
}
