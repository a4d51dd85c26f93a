//! What happens to watched files, as it is told.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use computesdk_docker_protocol::{Depth, FileReply, FileRequest, Op, ToAgent, ToHost, WatchEvent, WatchKind};
use support::{Agent, Folder, failed};

struct Watch {
    agent: Agent,
    id: u32,
    arrived: Vec<u8>,
}

impl Watch {
    fn begin(path: &str, depth: Depth) -> Self {
        let mut agent = Agent::start();
        let id = agent.ask(&ToAgent::File(FileRequest::Watch { path: path.into(), depth }));
        assert_eq!(agent.next(id), ToHost::File(FileReply::Watching));
        Self { agent, id, arrived: Vec::new() }
    }

    fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(event) = WatchEvent::decode(&mut self.arrived).expect("events") {
                return event;
            }
            match self.agent.next(self.id) {
                ToHost::Data(data) => self.arrived.extend(data),
                other => panic!("the watch has ended: {other:?}"),
            }
        }
    }

    /// Passes over others, such as the same told twice.
    fn until(&mut self, kind: WatchKind, path: &str) {
        let wanted = WatchEvent { kind, path: path.into() };
        while self.next() != wanted {}
    }
}

#[test]
fn a_folder_tells_what_happens_in_it_and_nothing_below() {
    let folder = Folder::new("watch");
    fs::create_dir(folder.path("sub")).expect("made");
    let mut watch = Watch::begin(&folder.path(""), Depth::Folder);
    fs::write(folder.path("sub/unseen"), "x").expect("written");
    fs::write(folder.path("file"), "x").expect("written");
    assert_eq!(watch.next(), WatchEvent { kind: WatchKind::Create, path: b"file".to_vec() });
    watch.until(WatchKind::Write, "file");
    fs::set_permissions(folder.path("file"), fs::Permissions::from_mode(0o600)).expect("changed");
    watch.until(WatchKind::Chmod, "file");
    fs::rename(folder.path("file"), folder.path("other")).expect("renamed");
    watch.until(WatchKind::Rename, "file");
    watch.until(WatchKind::Create, "other");
    fs::remove_file(folder.path("other")).expect("removed");
    watch.until(WatchKind::Remove, "other");
}

#[test]
fn a_tree_is_watched_as_it_grows_and_shrinks() {
    let folder = Folder::new("watch-tree");
    fs::create_dir_all(folder.path("a/b")).expect("made");
    let mut watch = Watch::begin(&folder.path(""), Depth::Tree);
    fs::write(folder.path("a/b/old"), "x").expect("written");
    watch.until(WatchKind::Create, "a/b/old");
    fs::create_dir_all(folder.path("new/deep/deeper")).expect("made");
    fs::write(folder.path("new/deep/deeper/file"), "x").expect("written");
    watch.until(WatchKind::Create, "new");
    watch.until(WatchKind::Create, "new/deep/deeper/file");
    fs::rename(folder.path("new"), folder.path("moved")).expect("renamed");
    watch.until(WatchKind::Create, "moved");
    fs::write(folder.path("moved/deep/more"), "x").expect("written");
    watch.until(WatchKind::Create, "moved/deep/more");
    fs::remove_dir_all(folder.path("moved")).expect("removed");
    watch.until(WatchKind::Remove, "moved");
}

#[test]
fn a_file_is_watched_by_itself() {
    let folder = Folder::new("watch-file");
    let path = folder.path("file");
    fs::write(&path, "x").expect("written");
    let mut watch = Watch::begin(&path, Depth::Folder);
    fs::write(&path, "y").expect("written");
    watch.until(WatchKind::Write, "");
    fs::remove_file(&path).expect("removed");
    watch.until(WatchKind::Remove, "");
}

#[test]
fn a_host_that_takes_no_events_costs_no_memory_and_hears_that_some_were_lost() {
    let folder = Folder::new("watch-flood");
    let mut watch = Watch::begin(&folder.path(""), Depth::Folder);
    watch.agent.generous = false;
    let name = "n".repeat(200);
    for round in 0..20_000 {
        let path = folder.path(&format!("{name}{round}"));
        fs::write(&path, "").and_then(|()| fs::remove_file(&path)).expect("written and removed");
    }
    watch.agent.ping();
    let resident = watch.agent.resident_kib();
    assert!(resident < 8192, "{resident} KiB");
    watch.agent.generous = true;
    watch.agent.send(watch.id, &ToAgent::Credit(16 * 1024 * 1024));
    watch.until(WatchKind::Overflow, "");
}

#[test]
fn a_watch_ends_when_it_is_cancelled_and_one_of_nothing_never_begins() {
    let folder = Folder::new("watch-end");
    let mut watch = Watch::begin(&folder.path(""), Depth::Tree);
    let descriptors = watch.agent.open_descriptors();
    watch.agent.send(watch.id, &ToAgent::Cancel);
    assert_eq!(watch.agent.next(watch.id), ToHost::Done);
    watch.agent.ping();
    assert!(watch.agent.open_descriptors() < descriptors);
    let path = folder.path("missing");
    let request = FileRequest::Watch { path: path.clone().into(), depth: Depth::Folder };
    let id = watch.agent.ask(&ToAgent::File(request));
    assert_eq!(watch.agent.next(id), ToHost::Failed(failed(Op::Watch, libc::ENOENT, &path)));
}
