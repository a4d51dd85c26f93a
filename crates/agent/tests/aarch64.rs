//! The aarch64 agent under qemu's user emulation, where both are there: emulators differ in how they fork and in which
//! errors of a start get through.

mod support;

use std::path::Path;
use std::process::Command;

use computesdk_docker_protocol::{Op, Run, ToAgent, ToHost};
use support::{Agent, Folder, argv, exited, failed, sh};

const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../agents/computesdk-agent-aarch64");
const EMULATORS: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];

fn emulated() -> Result<Command, String> {
    if !Path::new(AGENT).exists() {
        return Err("there is no agents/computesdk-agent-aarch64; `node scripts/agents.js` tells why".into());
    }
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let emulator = EMULATORS.into_iter().find(runs).ok_or("there is no qemu-aarch64-static")?;
    let mut command = Command::new(emulator);
    command.arg(AGENT);
    Ok(command)
}

#[test]
fn the_aarch64_agent_runs_under_qemu() {
    let command = match emulated() {
        Ok(command) => command,
        Err(reason) => return eprintln!("skipped the_aarch64_agent_runs_under_qemu: {reason}"),
    };
    let folder = Folder::new("aarch64");
    let mut agent = Agent::start_as(command);
    agent.ping();
    assert_eq!(agent.sh("echo out; exit 3").stdout, "out\n");
    assert_eq!(agent.sh("exit 3").end, exited(3));
    let missing = ToHost::Failed(failed(Op::Exec, libc::ENOENT, "no-such-program"));
    assert_eq!(agent.run(argv(&["no-such-program"])).end, missing);
    let nowhere = Run { cwd: Some("/nowhere".into()), ..sh("true") };
    assert_eq!(agent.run(nowhere).end, ToHost::Failed(failed(Op::Chdir, libc::ENOENT, "/nowhere")));

    let path = folder.path("a/file");
    let content = vec![7; 300_000];
    assert_eq!(agent.write_file(&path, &content), Ok(()));
    assert!(agent.read_file(&path).is_ok_and(|read| read == content));
    let listed = agent.read_dir(&folder.path("a")).expect("is there");
    assert_eq!(
        listed.iter().map(|entry| (&entry.name[..], entry.size)).collect::<Vec<_>>(),
        [(&b"file"[..], 300_000)]
    );
    assert_eq!(agent.remove(&folder.path("a")), Ok(()));
    assert_eq!(agent.exists(&path), Ok(false));

    let id = agent.ask(&ToAgent::Run(sh("setsid sleep 600 & sleep 600")));
    agent.ping();
    agent.send(id, &ToAgent::Kill);
    assert_eq!(agent.finish(id).end, support::killed());
}
