//! What files are, changes of place and mode, parts of content, and content that another writer brings.

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

use computesdk_docker_protocol::{
    FileDetail, FileKind, FileReply, FileRequest, FileStat, Links, Op, Placed, ReadPart, ToAgent, ToHost,
    WriteStart, WriteTo,
};
use support::{Agent, Folder, failed};

fn ask(agent: &mut Agent, request: FileRequest) -> u32 {
    agent.ask(&ToAgent::File(request))
}

/// All answers up to the end.
fn answers(agent: &mut Agent, request: FileRequest) -> Vec<ToHost> {
    let id = ask(agent, request);
    let mut all = Vec::new();
    loop {
        let answer = agent.next(id);
        let is_end = matches!(answer, ToHost::Done | ToHost::Failed(_));
        all.push(answer);
        if is_end {
            return all;
        }
    }
}

fn outcome(agent: &mut Agent, request: FileRequest) -> ToHost {
    answers(agent, request).pop().expect("an end")
}

fn stat(agent: &mut Agent, path: &str, links: Links) -> FileStat {
    match answers(agent, FileRequest::Stat { path: path.into(), links }).remove(0) {
        ToHost::File(FileReply::Stat(stat)) => stat,
        other => panic!("no status: {other:?}"),
    }
}

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

fn mode(path: &str) -> u32 {
    fs::symlink_metadata(path).expect("is there").mode() & 0o7777
}

#[test]
fn a_status_is_the_systems() {
    let folder = Folder::new("stat");
    let mut agent = Agent::start();
    let (file, link) = (folder.path("file"), folder.path("link"));
    fs::write(&file, "12345").expect("written");
    set_mode(&file, 0o640);
    symlink("file", &link).expect("linked");
    let seen = stat(&mut agent, &file, Links::Follow);
    let real = fs::metadata(&file).expect("is there");
    assert_eq!((seen.kind, seen.size, seen.mode), (FileKind::File, 5, 0o640));
    assert_eq!((seen.uid, seen.gid), (real.uid(), real.gid()));
    assert_eq!(seen.modified_ms, real.mtime() * 1000 + real.mtime_nsec() / 1_000_000);
    assert_eq!(stat(&mut agent, &link, Links::Follow), seen);
    let seen = stat(&mut agent, &link, Links::Keep);
    assert_eq!((seen.kind, seen.target.as_deref()), (FileKind::Link, Some(&b"file"[..])));
    assert_eq!(stat(&mut agent, &folder.path(""), Links::Keep).kind, FileKind::Directory);
    assert_eq!(stat(&mut agent, "/dev/null", Links::Follow).kind, FileKind::Other);
    let missing = folder.path("missing");
    let request = FileRequest::Stat { path: missing.clone().into(), links: Links::Follow };
    assert_eq!(outcome(&mut agent, request), ToHost::Failed(failed(Op::Stat, libc::ENOENT, &missing)));
}

#[test]
fn details_tell_links_from_what_they_lead_to() {
    let folder = Folder::new("details");
    let mut agent = Agent::start();
    fs::create_dir(folder.path("sub")).expect("made");
    symlink("sub", folder.path("to-sub")).expect("linked");
    symlink("nowhere", folder.path("broken")).expect("linked");
    for number in 0..600 {
        fs::write(folder.path(&format!("f{number}")), "").expect("written");
    }
    let answers = answers(&mut agent, FileRequest::List { path: folder.path("").into() });
    let mut details: Vec<FileDetail> = Vec::new();
    for answer in answers {
        match answer {
            ToHost::File(FileReply::Details(more)) => details.extend(more),
            end => assert_eq!(end, ToHost::Done),
        }
    }
    assert_eq!(details.len(), 603);
    let one = |name: &str| details.iter().find(|d| d.name == name.as_bytes()).expect("listed");
    assert_eq!(one("to-sub").stat.kind, FileKind::Link);
    assert_eq!(one("to-sub").behind.as_ref().map(|stat| stat.kind), Some(FileKind::Directory));
    assert_eq!(one("broken").behind, None);
    assert_eq!(one("sub").behind, None);
}

#[test]
fn names_change_and_modes_do() {
    let folder = Folder::new("rename");
    let mut agent = Agent::start();
    let (one, two) = (folder.path("one"), folder.path("two"));
    fs::write(&one, "content").expect("written");
    let rename = |from: &str, to: &str| FileRequest::Rename { from: from.into(), to: to.into() };
    assert_eq!(outcome(&mut agent, rename(&one, &two)), ToHost::Done);
    assert_eq!(fs::read(&two).expect("is there"), b"content");
    let gone = failed(Op::Rename, libc::ENOENT, &one);
    assert_eq!(outcome(&mut agent, rename(&one, &two)), ToHost::Failed(gone));
    assert_eq!(
        outcome(&mut agent, FileRequest::Chmod { path: two.clone().into(), mode: 0o751 }),
        ToHost::Done
    );
    assert_eq!(mode(&two), 0o751);
    let link = folder.path("link");
    let request = FileRequest::Link { target: b"tw\xffo".to_vec(), path: link.clone().into() };
    assert_eq!(outcome(&mut agent, request.clone()), ToHost::Done);
    assert_eq!(fs::read_link(&link).expect("is there").as_os_str().as_encoded_bytes(), b"tw\xffo");
    assert_eq!(outcome(&mut agent, request), ToHost::Failed(failed(Op::Link, libc::EEXIST, &link)));
    let made = FileRequest::MakeFolder { path: folder.path("made").into() };
    assert_eq!(outcome(&mut agent, made.clone()), ToHost::Done);
    assert!(matches!(outcome(&mut agent, made), ToHost::Failed(failed) if failed.errno == libc::EEXIST));
}

#[test]
fn a_copy_has_content_and_mode_and_keeps_the_others_inode() {
    let folder = Folder::new("copy");
    let mut agent = Agent::start();
    let copy = |from: &str, to: &str| FileRequest::Copy { from: from.into(), to: to.into() };
    let (from, to) = (folder.path("from"), folder.path("to"));
    for size in [0_usize, 1, 5_000_000] {
        let content: Vec<u8> = (0..size).map(|n| (n % 253) as u8).collect();
        fs::write(&from, &content).expect("written");
        set_mode(&from, 0o750);
        fs::write(&to, vec![b'o'; 6_000_000]).expect("written");
        let inode = fs::metadata(&to).expect("is there").ino();
        assert_eq!(outcome(&mut agent, copy(&from, &to)), ToHost::Done);
        assert!(fs::read(&to).is_ok_and(|copied| copied == content), "{size}");
        assert_eq!((fs::metadata(&to).expect("is there").ino(), mode(&to)), (inode, 0o750));
    }
    let status = folder.path("status");
    assert_eq!(outcome(&mut agent, copy("/proc/self/status", &status)), ToHost::Done);
    assert!(fs::read_to_string(&status).is_ok_and(|text| text.starts_with("Name:")));
    for (from, to, errno) in
        [("/tmp", &*to, libc::EISDIR), ("/dev/zero", &*to, libc::EINVAL), (&*from, &*from, libc::EINVAL)]
    {
        let refused = ToHost::Failed(failed(Op::Copy, errno, from));
        assert_eq!(outcome(&mut agent, copy(from, to)), refused);
    }
}

#[test]
fn a_part_is_read_and_content_is_appended_with_a_mode() {
    let folder = Folder::new("part");
    let mut agent = Agent::start();
    let path = folder.path("file");
    fs::write(&path, "0123456789").expect("written");
    for (from, length, expected) in [
        (0, None, "0123456789"),
        (3, None, "3456789"),
        (3, Some(2), "34"),
        (8, Some(9), "89"),
        (99, None, ""),
        (2, Some(0), ""),
    ] {
        let read = FileRequest::Read(ReadPart { path: path.clone().into(), from, length });
        let mut got = Vec::new();
        for answer in answers(&mut agent, read) {
            match answer {
                ToHost::Data(data) => got.extend(data),
                end => assert_eq!(end, ToHost::Done),
            }
        }
        assert_eq!(String::from_utf8_lossy(&got), expected, "{from} {length:?}");
    }
    let to = |start, links| WriteTo { path: path.clone().into(), mode: Some(0o400), start, links };
    let id = ask(&mut agent, FileRequest::Write(to(WriteStart::Append, Links::Follow)));
    agent.send(id, &ToAgent::Data(b"abc".to_vec()));
    agent.send(id, &ToAgent::DataEnd);
    assert_eq!(agent.next(id), ToHost::Done);
    assert_eq!(fs::read(&path).expect("is there"), b"0123456789abc");
    assert_eq!(mode(&path), 0o400);
    let link = folder.path("link");
    symlink(&path, &link).expect("linked");
    let through = WriteTo { path: link.clone().into(), ..to(WriteStart::Replace, Links::Keep) };
    let refused = ToHost::Failed(failed(Op::Open, libc::ELOOP, &link));
    assert_eq!(outcome(&mut agent, FileRequest::Write(through)), refused);
}

/// The place for new content, where the temporary folder is on the root's file system.
fn place(agent: &mut Agent, path: &str) -> Option<(u32, Placed)> {
    let id = ask(agent, FileRequest::Place { path: path.into() });
    match agent.next(id) {
        ToHost::File(FileReply::Placed(placed)) => Some((id, placed)),
        other => {
            assert_eq!(other, ToHost::Done);
            None
        }
    }
}

/// Does what the engine does.
fn bring(placed: &Placed, content: &[u8]) -> String {
    let path = format!("{}/{}", std::str::from_utf8(&placed.folder).expect("UTF-8"), placed.name);
    fs::write(&path, content).expect("written");
    set_mode(&path, placed.mode);
    let stamp = std::time::UNIX_EPOCH + std::time::Duration::from_secs(placed.stamp.into());
    let file = fs::File::options().write(true).open(&path).expect("is there");
    file.set_modified(stamp).expect("changed");
    path
}

#[test]
fn content_that_was_brought_becomes_the_files() {
    let folder = Folder::new("place");
    let mut agent = Agent::start();
    let path = folder.path("new/parents/file");
    let Some((id, placed)) = place(&mut agent, &path) else {
        return eprintln!("skipped: the temporary folder is on a file system of its own");
    };
    assert_eq!(placed.folder, folder.path("new/parents").as_bytes());
    let beside = bring(&placed, b"first");
    agent.send(id, &ToAgent::DataEnd);
    assert_eq!(agent.next(id), ToHost::Done);
    assert_eq!(fs::read(&path).expect("is there"), b"first");
    assert_eq!(mode(&path) & 0o600, 0o600);
    assert!(
        fs::metadata(&path)
            .expect("is there")
            .modified()
            .is_ok_and(|at| at.elapsed().is_ok_and(|e| e.as_secs() < 600))
    );
    assert!(fs::metadata(&beside).is_err());

    set_mode(&path, 0o604);
    let (before, link) = (fs::metadata(&path).expect("is there"), folder.path("link"));
    symlink("new/parents/file", &link).expect("linked");
    let (id, placed) = place(&mut agent, &link).expect("a place");
    let content = vec![b'x'; 3_000_000];
    let beside = bring(&placed, &content);
    agent.send(id, &ToAgent::DataEnd);
    assert_eq!(agent.next(id), ToHost::Done);
    assert!(fs::read(&path).is_ok_and(|read| read == content));
    let after = fs::metadata(&path).expect("is there");
    assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
    assert!(fs::metadata(&beside).is_err());
}

#[test]
fn what_is_not_what_was_agreed_on_is_refused_and_leaves_the_file() {
    let folder = Folder::new("agreed");
    let mut agent = Agent::start();
    let path = folder.path("file");
    fs::write(&path, "kept").expect("written");
    let secret = folder.path("secret");
    fs::write(&secret, "secret").expect("written");
    for case in ["missing", "link", "other time", "other mode", "hard link"] {
        let Some((id, placed)) = place(&mut agent, &path) else { return };
        let beside = folder.path(&placed.name);
        match case {
            "missing" => {}
            "link" => symlink(&secret, &beside).expect("linked"),
            "other time" => fs::write(&beside, "x").map(|()| set_mode(&beside, 0o600)).expect("written"),
            "other mode" => set_mode(&bring(&placed, b"x"), 0o644),
            _ => fs::hard_link(bring(&placed, b"x"), folder.path("another")).expect("linked"),
        }
        agent.send(id, &ToAgent::DataEnd);
        assert!(matches!(agent.next(id), ToHost::Failed(_)), "{case}");
        assert_eq!(fs::read(&path).expect("is there"), b"kept", "{case}");
        assert!(fs::symlink_metadata(&beside).is_err(), "{case}");
    }
}

#[test]
fn content_that_is_given_up_is_removed() {
    let folder = Folder::new("given-up");
    let mut agent = Agent::start();
    let path = folder.path("file");
    let Some((id, placed)) = place(&mut agent, &path) else { return };
    let beside = bring(&placed, b"half");
    agent.send(id, &ToAgent::Cancel);
    assert_eq!(agent.next(id), ToHost::Done);
    assert!(fs::metadata(&beside).is_err() && fs::metadata(&path).is_err());
    let (_, placed) = place(&mut agent, &path).expect("a place");
    let beside = bring(&placed, b"half");
    let (status, _) = agent.close();
    assert!(status.success());
    assert!(fs::metadata(&beside).is_err(), "the end of the session gives it up");
}

#[test]
fn there_is_no_place_where_the_engine_cannot_reach() {
    let folder = Folder::new("nowhere");
    let mut agent = Agent::start();
    let dangling = folder.path("dangling");
    symlink("nowhere", &dangling).expect("linked");
    for path in ["/proc/self/comm", "/dev/null", &folder.path(""), &dangling, &folder.path("a/")] {
        assert_eq!(place(&mut agent, path), None, "{path}");
    }
    assert!(fs::metadata("/dev/null").is_ok_and(|null| null.file_type().is_char_device()));
}

#[test]
fn a_file_is_located_where_the_engine_finds_it() {
    let folder = Folder::new("located");
    let mut agent = Agent::start();
    let (file, link) = (folder.path("file"), folder.path("link"));
    fs::write(&file, "12345").expect("written");
    symlink("file", &link).expect("linked");
    let locate = |path: &str| FileRequest::Locate { path: path.into() };
    let found = answers(&mut agent, locate(&link));
    if found.len() == 2 {
        let stat = stat(&mut agent, &file, Links::Keep);
        let located = ToHost::File(FileReply::Located { path: file.clone().into(), stat });
        assert_eq!(found, [located, ToHost::Done]);
    } else {
        eprintln!("the temporary folder is on a file system of its own");
    }
    for elsewhere in ["/proc/self/status", "/dev/null", &folder.path("")] {
        assert_eq!(answers(&mut agent, locate(elsewhere)), [ToHost::Done], "{elsewhere}");
    }
    let missing = folder.path("missing");
    let refused = ToHost::Failed(failed(Op::Open, libc::ENOENT, &missing));
    assert_eq!(outcome(&mut agent, locate(&missing)), refused);
}
