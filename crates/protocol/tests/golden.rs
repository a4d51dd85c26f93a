//! The bytes of every message, written down. A change here changes what older agents understand: raise `VERSION`.

use computesdk_docker_protocol::{
    Bulk, Decoder, Depth, EntryKind, Exited, Failed, FileDetail, FileEntry, FileKind, FileReply, FileRequest,
    FileStat, Frame, Hello, KillProcess, Links, Op, Placed, ProcessEntry, ReadDir, ReadLog, ReadPart, Run,
    Spawn, Started, Terminal, TerminalSize, ToAgent, ToHost, WriteFile, WriteStart, WriteTo,
};

const ID: u32 = 0x0102_0304;

fn to_agent() -> Vec<(ToAgent, &'static str)> {
    let run = Run {
        argv: vec!["ls".into(), "-l".into()],
        env: vec![("A".into(), "é".into())],
        cwd: Some("/w".into()),
        stdin: true,
        background: false,
    };
    let size = TerminalSize { cols: 80, rows: 300 };
    let shell = Run { argv: vec!["a".into()], env: vec![], cwd: None, stdin: true, background: false };
    let terminal = Some(Terminal { size, defaults: vec![("T".into(), "x".into())] });
    let bare = Run { argv: vec!["a".into()], env: vec![], cwd: None, stdin: false, background: true };
    vec![
        (ToAgent::Hello(Hello { version: 300 }), "02000000 04030201 00 ac02"),
        (ToAgent::Run(run), "13000000 04030201 01 02 026c73 022d6c 01 0141 02c3a9 01 022f77 01 00"),
        (ToAgent::Run(bare), "07000000 04030201 01 01 0161 00 00 00 01"),
        (ToAgent::Stdin(vec![0, 255]), "02000000 04030201 02 00ff"),
        (ToAgent::StdinEnd, "00000000 04030201 03"),
        (ToAgent::Kill, "00000000 04030201 04"),
        (ToAgent::Credit(262_144), "03000000 04030201 05 808010"),
        (ToAgent::ReadFile("/f".into()), "03000000 04030201 06 022f66"),
        (ToAgent::WriteFile(WriteFile { path: "/f".into() }), "03000000 04030201 07 022f66"),
        (ToAgent::Data(vec![7]), "01000000 04030201 08 07"),
        (ToAgent::DataEnd, "00000000 04030201 09"),
        (ToAgent::Mkdir("/d".into()), "03000000 04030201 0a 022f64"),
        (ToAgent::ReadDir(ReadDir { path: "/d".into() }), "03000000 04030201 0b 022f64"),
        (ToAgent::Exists("/d".into()), "03000000 04030201 0c 022f64"),
        (ToAgent::Remove("/d".into()), "03000000 04030201 0d 022f64"),
        (ToAgent::Ping, "00000000 04030201 0e"),
        (ToAgent::Cancel, "00000000 04030201 0f"),
        (
            ToAgent::Spawn(Spawn { run: shell.clone(), terminal: None }),
            "08000000 04030201 10 01 0161 00 00 01 00 00",
        ),
        (
            ToAgent::Spawn(Spawn { run: shell, terminal }),
            "10000000 04030201 10 01 0161 00 00 01 00 01 50 ac02 01 0154 0178",
        ),
        (ToAgent::Signal(15), "01000000 04030201 11 1e"),
        (ToAgent::Resize(size), "03000000 04030201 12 50 ac02"),
        (ToAgent::ListProcesses, "00000000 04030201 13"),
        (ToAgent::KillProcess(KillProcess { pid: 300, signal: 9 }), "03000000 04030201 14 ac02 12"),
        (ToAgent::WaitProcess(300), "02000000 04030201 15 ac02"),
        (ToAgent::ReadLog(ReadLog { pid: 300, follow: true }), "03000000 04030201 16 ac02 01"),
    ]
    .into_iter()
    .chain(file_requests().into_iter().map(|(request, hex)| (ToAgent::File(request), hex)))
    .chain([(ToAgent::HandOut, "00000000 04030201 18")])
    .collect()
}

fn file_requests() -> Vec<(FileRequest, &'static str)> {
    let path = || vec![b'/', 0xff];
    let read = ReadPart { path: path(), from: 300, length: Some(1) };
    let write = WriteTo { path: path(), mode: Some(0o644), start: WriteStart::Append, links: Links::Keep };
    vec![
        (FileRequest::Stat { path: path(), links: Links::Keep }, "05000000 04030201 17 00 022fff 01"),
        (FileRequest::List { path: path() }, "04000000 04030201 17 01 022fff"),
        (FileRequest::Rename { from: path(), to: b"b".to_vec() }, "06000000 04030201 17 02 022fff 0162"),
        (FileRequest::Copy { from: path(), to: b"b".to_vec() }, "06000000 04030201 17 03 022fff 0162"),
        (FileRequest::Chmod { path: path(), mode: 0o755 }, "06000000 04030201 17 04 022fff ed03"),
        (FileRequest::Link { target: b"b".to_vec(), path: path() }, "06000000 04030201 17 05 0162 022fff"),
        (FileRequest::MakeFolder { path: path() }, "04000000 04030201 17 06 022fff"),
        (FileRequest::Read(read), "08000000 04030201 17 07 022fff ac02 01 01"),
        (FileRequest::Write(write), "09000000 04030201 17 08 022fff 01 a403 01 01"),
        (FileRequest::Place { path: path() }, "04000000 04030201 17 09 022fff"),
        (FileRequest::Watch { path: path(), depth: Depth::Tree }, "05000000 04030201 17 0a 022fff 01"),
        (FileRequest::Locate { path: path() }, "04000000 04030201 17 0b 022fff"),
    ]
}

fn file_replies() -> Vec<(FileReply, &'static str)> {
    let stat = |kind, target| FileStat {
        kind,
        size: 300,
        mode: 0o644,
        uid: 1,
        gid: 2,
        modified_ms: -1,
        accessed_ms: 1,
        changed_ms: 2,
        target,
    };
    let link = FileDetail {
        name: vec![0xff],
        stat: stat(FileKind::Link, Some(b"b".to_vec())),
        behind: Some(stat(FileKind::File, None)),
    };
    let placed = Placed { folder: b"/".to_vec(), name: "n".into(), uid: 1, gid: 2, mode: 0o600, stamp: 300 };
    vec![
        (
            FileReply::Stat(stat(FileKind::Other, None)),
            "0c000000 04030201 0c 00 03 ac02 a403 01 02 01 02 04 00",
        ),
        (
            FileReply::Details(vec![link]),
            "1d000000 04030201 0c 01 01 01ff 02 ac02 a403 01 02 01 02 04 01 0162 01 00 ac02 a403 01 02 01 02 04 00",
        ),
        (FileReply::Placed(placed), "0b000000 04030201 0c 02 012f 016e 01 02 8003 ac02"),
        (FileReply::Watching, "01000000 04030201 0c 03"),
        (
            FileReply::Located { path: b"/".to_vec(), stat: stat(FileKind::File, None) },
            "0e000000 04030201 0c 04 012f 00 ac02 a403 01 02 01 02 04 00",
        ),
    ]
}

fn to_host() -> Vec<(ToHost, &'static str)> {
    let file = FileEntry { name: vec![b'a', 0xff], kind: EntryKind::File, size: 300, modified_ms: -1 };
    let folder = FileEntry { name: b"d".to_vec(), kind: EntryKind::Directory, size: 0, modified_ms: 1 };
    let process = ProcessEntry {
        pid: 300,
        parent: 1,
        state: b'S',
        command: b"a b ".to_vec(),
        started_ms: 1,
        cpu_ms: 10,
        memory: 300,
        background: true,
    };
    vec![
        (ToHost::Hello(Hello { version: 1 }), "01000000 04030201 00 01"),
        (ToHost::Started(Started { pid: 70_000 }), "03000000 04030201 01 f0a204"),
        (ToHost::Stdout(b"out".to_vec()), "03000000 04030201 02 6f7574"),
        (ToHost::Stderr(vec![]), "00000000 04030201 03"),
        (ToHost::Exited(Exited::Code(127)), "03000000 04030201 04 00 fe01"),
        (ToHost::Exited(Exited::Signal(9)), "02000000 04030201 04 01 12"),
        (ToHost::Credit(65_536), "03000000 04030201 05 808004"),
        (ToHost::Data(vec![1, 2]), "02000000 04030201 06 0102"),
        (ToHost::Entries(vec![file, folder]), "0d000000 04030201 07 02 0261ff 00 ac02 01 0164 01 00 02"),
        (ToHost::Found(true), "01000000 04030201 08 01"),
        (ToHost::Done, "00000000 04030201 09"),
        (
            ToHost::Failed(Failed { errno: 2, op: Op::Open, path: "/f".into() }),
            "05000000 04030201 0a 04 00 022f66",
        ),
        (ToHost::Processes(vec![process]), "0f000000 04030201 0b 01 ac02 01 53 0461206220 02 0a ac02 01"),
    ]
    .into_iter()
    .chain(file_replies().into_iter().map(|(reply, hex)| (ToHost::File(reply), hex)))
    .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

fn frame(bytes: &[u8]) -> Frame {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let frame = decoder.next_frame().expect("well-formed").expect("whole");
    assert!(decoder.is_at_boundary());
    frame
}

#[test]
fn every_message_to_the_agent_has_its_bytes() {
    for (message, hex) in to_agent() {
        let mut out = Vec::new();
        message.encode(ID, &mut out).expect("fits");
        assert_eq!(out, bytes(hex), "{message:?}");
        let frame = frame(&out);
        assert_eq!(frame.id, ID);
        assert_eq!(ToAgent::decode(frame), Ok(message));
    }
}

#[test]
fn every_message_to_the_host_has_its_bytes() {
    for (message, hex) in to_host() {
        let mut out = Vec::new();
        message.encode(ID, &mut out).expect("fits");
        assert_eq!(out, bytes(hex), "{message:?}");
        let frame = frame(&out);
        assert_eq!(frame.id, ID);
        assert_eq!(ToHost::decode(frame), Ok(message));
    }
}

/// The compiler's reminder: a new message needs its bytes above, and its number here.
#[test]
fn no_message_is_left_out() {
    let number = |message: &ToAgent| match message {
        ToAgent::Hello(_) => 0,
        ToAgent::Run(_) => 1,
        ToAgent::Stdin(_) => 2,
        ToAgent::StdinEnd => 3,
        ToAgent::Kill => 4,
        ToAgent::Credit(_) => 5,
        ToAgent::ReadFile(_) => 6,
        ToAgent::WriteFile(_) => 7,
        ToAgent::Data(_) => 8,
        ToAgent::DataEnd => 9,
        ToAgent::Mkdir(_) => 10,
        ToAgent::ReadDir(_) => 11,
        ToAgent::Exists(_) => 12,
        ToAgent::Remove(_) => 13,
        ToAgent::Ping => 14,
        ToAgent::Cancel => 15,
        ToAgent::Spawn(_) => 16,
        ToAgent::Signal(_) => 17,
        ToAgent::Resize(_) => 18,
        ToAgent::ListProcesses => 19,
        ToAgent::KillProcess(_) => 20,
        ToAgent::WaitProcess(_) => 21,
        ToAgent::ReadLog(_) => 22,
        ToAgent::File(_) => 23,
        ToAgent::HandOut => 24,
    };
    let mut numbers: Vec<u8> = to_agent().iter().map(|(message, _)| number(message)).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..=24).collect::<Vec<u8>>());
    let number = |message: &ToHost| match message {
        ToHost::Hello(_) => 0,
        ToHost::Started(_) => 1,
        ToHost::Stdout(_) => 2,
        ToHost::Stderr(_) => 3,
        ToHost::Exited(_) => 4,
        ToHost::Credit(_) => 5,
        ToHost::Data(_) => 6,
        ToHost::Entries(_) => 7,
        ToHost::Found(_) => 8,
        ToHost::Done => 9,
        ToHost::Failed(_) => 10,
        ToHost::Processes(_) => 11,
        ToHost::File(_) => 12,
    };
    let mut numbers: Vec<u8> = to_host().iter().map(|(message, _)| number(message)).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..=12).collect::<Vec<u8>>());
}

#[test]
fn every_step_has_its_byte_and_nodes_name() {
    let steps = [
        (Op::Open, "open"),
        (Op::Read, "read"),
        (Op::Write, "write"),
        (Op::Close, "close"),
        (Op::Mkdir, "mkdir"),
        (Op::ReadDir, "scandir"),
        (Op::Stat, "stat"),
        (Op::Remove, "rm"),
        (Op::Chdir, "chdir"),
        (Op::Fork, "fork"),
        (Op::Exec, "execve"),
        (Op::Kill, "kill"),
        (Op::Wait, "waitpid"),
        (Op::Terminal, "openpty"),
        (Op::Rename, "rename"),
        (Op::Copy, "copyfile"),
        (Op::Chmod, "chmod"),
        (Op::Link, "symlink"),
        (Op::Watch, "watch"),
    ];
    for (byte, (op, name)) in steps.into_iter().enumerate() {
        let mut out = Vec::new();
        ToHost::Failed(Failed { errno: 0, op, path: String::new() }).encode(0, &mut out).expect("fits");
        assert_eq!(out[10..], [byte as u8, 0]);
        assert_eq!(op.syscall(), name);
    }
}

#[test]
fn borrowed_bytes_make_the_same_frames() {
    let same = |bulk: Bulk, owned: ToHost| {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        bulk.encode(ID, b"bytes", &mut one).expect("fits");
        owned.encode(ID, &mut other).expect("fits");
        assert_eq!(one, other);
    };
    same(Bulk::Stdout, ToHost::Stdout(b"bytes".to_vec()));
    same(Bulk::Stderr, ToHost::Stderr(b"bytes".to_vec()));
    same(Bulk::Data, ToHost::Data(b"bytes".to_vec()));
}
