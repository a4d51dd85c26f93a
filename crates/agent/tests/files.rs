//! Files and folders: content, listings, and errors with the step that failed.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use computesdk_docker_protocol::{EntryKind, Op, ToAgent, ToHost, WriteFile};
use support::{Agent, Folder, failed, until};

/// Bytes that repeat at no chunk border.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

fn fifo(folder: &Folder) -> String {
    let fifo = folder.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.is_ok_and(|status| status.success()));
    fifo
}

#[test]
fn a_file_comes_back_as_it_was_written() {
    let folder = Folder::new("content");
    let mut agent = Agent::start();
    for length in [0, 1, 1000, 32 * 1024, 1_000_000] {
        let path = folder.path(&format!("made/on/the/way/{length}"));
        assert_eq!(agent.write_file(&path, &pattern(length)), Ok(()));
        assert!(fs::read(&path).is_ok_and(|content| content == pattern(length)), "{length} written");
        assert!(agent.read_file(&path).is_ok_and(|content| content == pattern(length)), "{length} read");
    }
}

#[test]
fn a_large_file_passes_in_little_memory() {
    let folder = Folder::new("large");
    let mut agent = Agent::start();
    let (path, content) = (folder.path("file"), pattern(20_000_000));
    assert_eq!(agent.write_file(&path, &content), Ok(()));
    assert!(agent.read_file(&path).is_ok_and(|read| read == content));
    let resident = agent.resident_kib();
    assert!(resident < 4096, "{resident} KiB");
}

#[test]
fn writing_replaces_the_content_in_place() {
    let folder = Folder::new("place");
    let mut agent = Agent::start();
    let path = folder.path("file");
    fs::write(&path, "a longer content").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
    symlink(&path, folder.path("link")).expect("linked");
    let before = fs::metadata(&path).expect("is there");
    assert_eq!(agent.write_file(&folder.path("link"), b"short"), Ok(()));
    let after = fs::metadata(&path).expect("is there");
    assert_eq!(fs::read(&path).expect("is there"), b"short");
    assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
}

#[test]
fn a_shorter_content_leaves_nothing_of_the_longer_one() {
    let folder = Folder::new("shorter");
    let mut agent = Agent::start();
    let path = folder.path("file");
    for old in [10, 60_000, 2_000_000] {
        for new in [0, 5, 30_000] {
            fs::write(&path, vec![b'o'; old]).expect("written");
            assert_eq!(agent.write_file(&path, &pattern(new)), Ok(()));
            assert!(fs::read(&path).is_ok_and(|content| content == pattern(new)), "{old} to {new}");
        }
    }
    fs::write(&path, "old content").expect("written");
    let id = agent.ask(&ToAgent::WriteFile(WriteFile { path: path.clone() }));
    agent.send(id, &ToAgent::Data(b"new".to_vec()));
    agent.send(id, &ToAgent::Cancel);
    assert_eq!(agent.next(id), ToHost::Done);
    assert_eq!(fs::read(&path).expect("is there"), b"new", "what is there of a cancelled write is new");
}

#[test]
fn names_are_data() {
    let folder = Folder::new("names");
    let mut agent = Agent::start();
    for name in
        ["a b", "-rf", "$(touch x)", "`id`", "new\nline", "quo'te\"s", "ünï", "*", "\u{1}", &"n".repeat(255)]
    {
        let path = folder.path(name);
        assert_eq!(agent.write_file(&path, name.as_bytes()), Ok(()));
        assert_eq!(agent.read_file(&path), Ok(name.as_bytes().to_vec()));
        assert_eq!(agent.exists(&path), Ok(true));
        let listed = agent.read_dir(&folder.path("")).expect("is there");
        assert_eq!(listed.iter().map(|entry| &entry.name[..]).collect::<Vec<_>>(), [name.as_bytes()]);
        assert_eq!(agent.remove(&path), Ok(()));
        assert_eq!(agent.exists(&path), Ok(false));
    }
}

#[test]
fn failures_name_the_step_and_the_number() {
    let folder = Folder::new("failures");
    let mut agent = Agent::start();
    let (file, missing) = (folder.path("file"), folder.path("missing"));
    let (below, top) = (folder.path("file/below"), folder.path(""));
    fs::write(&file, "x").expect("written");
    assert_eq!(agent.read_file(&missing), Err(failed(Op::Open, libc::ENOENT, &missing)));
    assert_eq!(agent.read_file(&below), Err(failed(Op::Open, libc::ENOTDIR, &below)));
    assert_eq!(agent.read_file(&top), Err(failed(Op::Read, libc::EISDIR, &top)));
    assert_eq!(agent.read_file(""), Err(failed(Op::Open, libc::ENOENT, "")));
    assert_eq!(agent.read_file("a\0b"), Err(failed(Op::Open, libc::EINVAL, "a\0b")));
    assert_eq!(agent.write_file(&top, b"x"), Err(failed(Op::Open, libc::EISDIR, &top)));
    assert_eq!(agent.write_file(&below, b"x"), Err(failed(Op::Open, libc::ENOTDIR, &below)));
    assert_eq!(agent.write_file("/proc/x/y", b"x"), Err(failed(Op::Mkdir, libc::ENOENT, "/proc/x/y")));
    assert_eq!(agent.write_file("/dev/full", b"x"), Err(failed(Op::Write, libc::ENOSPC, "/dev/full")));
    assert_eq!(agent.read_dir(&file), Err(failed(Op::ReadDir, libc::ENOTDIR, &file)));
    assert_eq!(agent.read_dir(&missing), Err(failed(Op::ReadDir, libc::ENOENT, &missing)));
    assert_eq!(agent.mkdir(&file), Err(failed(Op::Mkdir, libc::EEXIST, &file)));
    assert_eq!(agent.mkdir(&below), Err(failed(Op::Mkdir, libc::ENOTDIR, &below)));
    assert_eq!(agent.remove("/"), Err(failed(Op::Remove, libc::EBUSY, "/")));
    assert_eq!(agent.remove(&folder.path("..")), Err(failed(Op::Remove, libc::EINVAL, &folder.path(".."))));
    assert_eq!(agent.exists("a\0b"), Err(failed(Op::Stat, libc::EINVAL, "a\0b")));
    let long = "x".repeat(300);
    assert_eq!(agent.read_file(&long), Err(failed(Op::Open, libc::ENAMETOOLONG, &long)));
    assert_eq!(agent.exists(&long), Ok(false));
    assert_eq!(agent.exists(&below), Ok(false));
}

#[test]
fn a_file_over_the_size_limit_fails_and_the_agent_lives() {
    let folder = Folder::new("limit");
    let mut agent = support::limited(libc::RLIMIT_FSIZE, 100_000, 100_000);
    let path = folder.path("file");
    assert_eq!(agent.write_file(&path, &pattern(1_000_000)), Err(failed(Op::Write, libc::EFBIG, &path)));
    agent.ping();
}

#[test]
fn folders_are_made_with_their_parents_and_may_exist() {
    let folder = Folder::new("mkdir");
    let mut agent = Agent::start();
    let deep = folder.path("a/b//c/d/");
    assert_eq!(agent.mkdir(&deep), Ok(()));
    assert_eq!(agent.mkdir(&deep), Ok(()));
    assert!(fs::metadata(folder.path("a/b/c/d")).is_ok_and(|made| made.is_dir()));
    symlink(folder.path("a"), folder.path("link")).expect("linked");
    assert_eq!(agent.mkdir(&folder.path("link")), Ok(()), "a link to a folder is one");
    assert_eq!(agent.mkdir("/"), Ok(()));
}

#[test]
fn a_listing_has_every_entry_with_its_kind_size_and_time() {
    let folder = Folder::new("list");
    let mut agent = Agent::start();
    for n in 0..1000 {
        fs::write(folder.path(&format!("f{n:04}")), vec![0; n]).expect("written");
    }
    fs::create_dir(folder.path("g")).expect("made");
    symlink("g", folder.path("h-folder")).expect("linked");
    symlink("f0007", folder.path("i-file")).expect("linked");
    symlink("nowhere", folder.path("j-broken")).expect("linked");
    let listed = agent.read_dir(&folder.path("")).expect("is there");
    assert_eq!(listed.len(), 1004);
    for (n, entry) in listed[..1000].iter().enumerate() {
        let name = format!("f{n:04}");
        assert_eq!((String::from_utf8_lossy(&entry.name).as_ref(), entry.size), (&name[..], n as u64));
        let real = fs::metadata(folder.path(&name)).expect("is there");
        assert_eq!(entry.modified_ms, real.mtime() * 1000 + real.mtime_nsec() / 1_000_000);
    }
    let kinds: Vec<EntryKind> = listed[1000..].iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Directory, EntryKind::Directory, EntryKind::File, EntryKind::File]);
    assert_eq!(listed[1002].size, 7, "a link has what it points to");
    fs::create_dir(folder.path("g/empty")).expect("made");
    assert_eq!(agent.read_dir(&folder.path("g/empty")), Ok(vec![]));
}

#[test]
fn existence_follows_links() {
    let folder = Folder::new("exists");
    let mut agent = Agent::start();
    symlink("nowhere", folder.path("broken")).expect("linked");
    symlink("loop", folder.path("loop")).expect("linked");
    assert_eq!(agent.exists(&folder.path("")), Ok(true));
    assert_eq!(agent.exists(&folder.path("broken")), Ok(false));
    assert_eq!(agent.exists(&folder.path("loop")), Ok(false));
    assert_eq!(agent.exists(&folder.path("missing/below")), Ok(false));
}

#[test]
fn files_without_a_size_are_read_to_their_end() {
    let mut agent = Agent::start();
    let version = fs::read("/proc/version").expect("is there");
    assert_eq!(agent.read_file("/proc/version"), Ok(version));
    assert_eq!(agent.read_file("/dev/null"), Ok(vec![]));
    assert_eq!(agent.write_file("/dev/null", &pattern(1_000_000)), Ok(()));
}

#[test]
fn a_fifo_is_waited_for_without_holding_up_the_rest() {
    let folder = Folder::new("fifo");
    let fifo = fifo(&folder);
    let mut agent = Agent::start();
    let reading = agent.ask(&ToAgent::ReadFile(fifo.clone()));
    agent.ping();
    fs::write(&fifo, "through").expect("the agent reads");
    assert_eq!(agent.next(reading), ToHost::Data(b"through".to_vec()));
    assert_eq!(agent.next(reading), ToHost::Done);

    let writing = agent.ask(&ToAgent::WriteFile(WriteFile { path: fifo.clone() }));
    agent.send(writing, &ToAgent::Data(b"back".to_vec()));
    agent.send(writing, &ToAgent::DataEnd);
    agent.ping();
    assert_eq!(agent.next_within(writing, Duration::from_millis(50)), None, "nobody reads yet");
    assert_eq!(fs::read(&fifo).expect("the agent writes"), b"back");
    assert_eq!(agent.next(writing), ToHost::Done);
}

#[test]
fn a_cancelled_request_is_done_at_once() {
    let folder = Folder::new("cancel");
    let fifo = fifo(&folder);
    let mut agent = Agent::start();
    let descriptors = agent.open_descriptors();
    for message in [
        ToAgent::ReadFile(fifo.clone()),
        ToAgent::WriteFile(WriteFile { path: fifo.clone() }),
        ToAgent::ReadFile("/dev/zero".into()),
    ] {
        let id = agent.ask(&message);
        agent.send(id, &ToAgent::Cancel);
        let end = until("it ends", || match agent.next(id) {
            ToHost::Data(_) => None,
            end => Some(end),
        });
        assert_eq!(end, ToHost::Done);
    }
    agent.ping();
    assert_eq!(agent.open_descriptors(), descriptors);
}

#[test]
fn an_endless_file_holds_up_no_other_request() {
    let mut agent = Agent::start();
    let endless = agent.ask(&ToAgent::ReadFile("/dev/zero".into()));
    for _ in 0..50 {
        agent.ping();
    }
    assert!(matches!(agent.next(endless), ToHost::Data(_)));
}
