//! Removal takes the whole tree and nothing else, whatever the tree looks like and whoever moves things meanwhile.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Agent, Folder, exited, limited};

fn is_there(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[test]
fn removing_takes_the_whole_tree_and_no_more() {
    let folder = Folder::new("remove");
    let mut agent = Agent::start();
    let precious = folder.path("kept/inner/file");
    fs::create_dir_all(folder.path("kept/inner")).expect("made");
    fs::write(&precious, "x").expect("written");
    for n in 0..30 {
        fs::create_dir_all(folder.path(&format!("gone/{n}/b/c"))).expect("made");
        for f in 0..20 {
            fs::write(folder.path(&format!("gone/{n}/b/{f}")), "x").expect("written");
        }
    }
    symlink(folder.path("kept"), folder.path("gone/5/link")).expect("linked");
    symlink("/", folder.path("gone/root")).expect("linked");
    assert_eq!(agent.remove(&folder.path("gone")), Ok(()));
    assert!(!is_there(&folder.path("gone")));
    assert!(is_there(&precious));
    symlink(folder.path("kept"), folder.path("link")).expect("linked");
    assert_eq!(agent.remove(&folder.path("link/")), Ok(()), "the link itself");
    assert!(!is_there(&folder.path("link")) && is_there(&precious));
    assert_eq!(agent.remove(&folder.path("missing")), Ok(()));
    assert_eq!(agent.remove(&folder.path("kept/inner/file/below")), Ok(()), "not there either");
    assert!(is_there(&precious));
}

#[test]
fn a_wide_folder_is_removed_between_the_turns_of_others() {
    let folder = Folder::new("wide");
    let mut agent = Agent::start();
    for n in 0..5000 {
        fs::write(folder.path(&format!("file-{n}")), "").expect("written");
    }
    assert_eq!(agent.remove(&folder.path("")), Ok(()));
    assert!(!is_there(folder.path("").trim_end_matches('/')));
}

#[test]
fn a_deep_tree_is_removed_with_few_descriptors() {
    let folder = Folder::new("deep");
    let mut agent = limited(libc::RLIMIT_NOFILE, 64, 64);
    // Deeper than any path may be long: made from inside.
    let each = "echo x > file; mkdir deeper; cd deeper";
    let top = folder.path("tree");
    let script = format!("mkdir {top}; cd {top}; i=0; while [ $i -lt 620 ]; do {each}; i=$((i+1)); done");
    assert_eq!(agent.sh(&script).end, exited(0));
    let descriptors = agent.open_descriptors();
    assert_eq!(agent.remove(&top), Ok(()));
    assert!(!is_there(&top));
    assert_eq!(agent.open_descriptors(), descriptors);
}

/// Swaps folders of the tree for links to the outside, and back, until told to stop.
fn race(top: &str, outside: &str, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for n in 0..20 {
            let (real, aside) = (format!("{top}/{n}"), format!("{top}/aside-{n}"));
            if fs::rename(&real, &aside).is_ok() {
                let _ = symlink(outside, &real);
                let _ = fs::remove_file(&real);
                let _ = fs::rename(&aside, &real);
            }
        }
    }
}

#[test]
fn a_removal_that_is_raced_with_links_never_leaves_its_tree() {
    let folder = Folder::new("race");
    let mut agent = Agent::start();
    let (top, outside) = (folder.path("tree"), folder.path("outside"));
    fs::create_dir(&outside).expect("made");
    fs::write(folder.path("outside/precious"), "x").expect("written");
    let stop = Arc::new(AtomicBool::new(false));
    let racer = {
        let (stop, top) = (stop.clone(), top.clone());
        std::thread::spawn(move || race(&top, &outside, &stop))
    };
    for _ in 0..30 {
        for n in 0..20 {
            let _ = fs::create_dir_all(format!("{top}/{n}/a/b"));
            let _ = fs::write(format!("{top}/{n}/a/file"), "x");
        }
        // It may lose the race for an entry, never more.
        let _ = agent.remove(&top);
        assert!(is_there(&folder.path("outside/precious")));
    }
    stop.store(true, Ordering::Relaxed);
    racer.join().expect("the racer ends");
    assert_eq!(agent.remove(&top), Ok(()));
    assert!(!is_there(&top));
}
