//! The six file calls.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use computesdk_docker_host::error::Error;
use computesdk_docker_host::session::EntryKind;
use serde_json::json;

use crate::{BUSYBOX, DEBIAN, Sandbox, in_both, within};

const NAME: &str = "-a \n'\"$(touch pwned)`touch pwned`;é\\";

#[tokio::test]
async fn a_path_is_data_in_every_call() {
    in_both("a_path_is_data_in_every_call", async |sandbox: Sandbox| {
        let session = &sandbox.session;
        for name in [NAME, "-rf", "*", &"n".repeat(255)] {
            let path = format!("{name}/{name}");
            session.write_file(&path, Bytes::from_static(b"12\x0034")).await.expect(name);
            assert_eq!(session.read_file(&path).await.expect(name), &b"12\x0034"[..]);
            let entries = session.read_dir(name).await.expect(name);
            assert_eq!(entries.len(), 1, "{name}");
            assert_eq!((entries[0].name.as_str(), entries[0].size), (name, 5));
            session.mkdir(&format!("{name}/sub/{name}")).await.expect(name);
            assert!(session.exists(&format!("{name}/sub/{name}")).await.expect(name));
            session.remove(name).await.expect(name);
            assert!(!session.exists(name).await.expect(name));
        }
        assert_eq!(session.read_dir(".").await.expect("the workdir"), []);
        assert_eq!(sandbox.sh("pwd; ls -A").await, "/work dir\n");
    })
    .await;
}

#[tokio::test]
async fn a_listing_tells_what_is_there() {
    in_both("a_listing_tells_what_is_there", async |sandbox: Sandbox| {
        sandbox.sh("mkdir -p d/sub d/.hid; ln -s sub d/link; ln -s no d/broken; mkfifo d/fifo").await;
        sandbox.sh("cd d; printf 1 >..odd; printf 12345 >file; touch -t 200102030405.06 file").await;
        sandbox.sh("cd d; touch \"$(printf 'a\\n81a4 1 1 d t z .')\"").await;
        let entries = sandbox.session.read_dir("d").await.expect("listed");
        let (file, folder) = (EntryKind::File, EntryKind::Directory);
        let seen: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
        let files = ["a\n81a4 1 1 d t z .", "broken", "fifo", "file"].map(|name| (name, file));
        assert_eq!(seen[..2], [("..odd", file), (".hid", folder)]);
        assert_eq!(seen[2..6], files);
        assert_eq!(seen[6..], [("link", folder), ("sub", folder)]);
        let of = |name: &str| entries.iter().find(|entry| entry.name == name).expect(name);
        assert_eq!((of("file").size, of("file").modified_ms), (5, 981_173_106_000));
        let now = UNIX_EPOCH.elapsed().expect("a time").as_millis() as i64;
        assert!((now - of("..odd").modified_ms).abs() < 120_000);
        assert!(sandbox.session.exists("d/link").await.expect("told"));
        assert!(!sandbox.session.exists("d/broken").await.expect("told"));
    })
    .await;
}

#[tokio::test]
async fn a_thousand_entries_are_listed_by_one_exec() {
    in_both("a_thousand_entries_are_listed_by_one_exec", async |sandbox: Sandbox| {
        sandbox
            .sh("mkdir many; cd many; i=0; while [ $i -lt 1000 ]; do i=$((i+1)); printf $i >\"f $i\"; done")
            .await;
        let begun = std::time::Instant::now();
        let entries = sandbox.session.read_dir("many").await.expect("listed");
        assert_eq!(entries.len(), 1000);
        assert!(entries.iter().all(|entry| entry.size == entry.name.len() as u64 - 2));
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    })
    .await;
}

#[tokio::test]
async fn large_files_come_back_the_same() {
    in_both("large_files_come_back_the_same", async |sandbox: Sandbox| {
        let content = Bytes::from((0..30_000_000_u32).map(|n| (n / 251) as u8).collect::<Vec<_>>());
        sandbox.session.write_file("deep/er/large", content.clone()).await.expect("written");
        assert!(sandbox.session.read_file("deep/er/large").await.expect("read") == content);
        sandbox.session.write_file("deep/er/large", Bytes::new()).await.expect("written");
        assert!(sandbox.session.read_file("deep/er/large").await.expect("read").is_empty());
    })
    .await;
}

#[tokio::test]
async fn removing_never_follows_a_link_and_missing_is_fine() {
    in_both("removing_never_follows_a_link_and_missing_is_fine", async |sandbox: Sandbox| {
        sandbox.sh("mkdir -p kept/x gone/y; ln -s ../kept gone/link; ln -s kept link").await;
        for path in ["gone", "gone", "no/such", "link/"] {
            sandbox.session.remove(path).await.expect(path);
        }
        assert_eq!(sandbox.sh("ls; ls kept").await, "kept\nx\n");
    })
    .await;
}

#[tokio::test]
async fn refusals_carry_nodes_codes() {
    in_both("refusals_carry_nodes_codes", async |sandbox: Sandbox| {
        sandbox.sh("printf x >file; mkdir -m 700 closed; mkdir -m 711 unlisted; printf x >closed/x").await;
        sandbox.sh("chmod 777 .; ln -s loop loop").await;
        let user = sandbox.of_user("1234");
        let session = &user.session;
        let write = |path: &'static str| session.write_file(path, Bytes::new());
        let long = "n".repeat(256);
        let cases: Vec<(Option<Error>, &str)> = vec![
            (session.read_file("no").await.err(), "ENOENT: no such file or directory, open 'no'"),
            (session.read_file(".").await.err(), "EISDIR: illegal operation on a directory, read '.'"),
            (session.read_file("file/x").await.err(), "ENOTDIR: not a directory, open 'file/x'"),
            (session.read_file("closed/x").await.err(), "EACCES: permission denied, open 'closed/x'"),
            (
                session.read_file("loop").await.err(),
                "ELOOP: too many symbolic links encountered, open 'loop'",
            ),
            (session.read_file(&long).await.err(), "ENAMETOOLONG: name too long, open "),
            (write("file/x").await.err(), "ENOTDIR: not a directory, open 'file/x'"),
            (write("unlisted").await.err(), "EISDIR: illegal operation on a directory, open 'unlisted'"),
            (write("closed/y").await.err(), "EACCES: permission denied, open 'closed/y'"),
            (write("file").await.err(), "EACCES: permission denied, open 'file'"),
            (session.read_dir("file").await.err(), "ENOTDIR: not a directory, scandir 'file'"),
            (session.read_dir("no").await.err(), "ENOENT: no such file or directory, scandir 'no'"),
            (session.read_dir("closed").await.err(), "EACCES: permission denied, scandir 'closed'"),
            (session.read_dir("unlisted").await.err(), "EACCES: permission denied, scandir 'unlisted'"),
            (session.mkdir("file").await.err(), "EEXIST: file already exists, mkdir 'file'"),
            (session.mkdir("file/x").await.err(), "ENOTDIR: not a directory, mkdir 'file/x'"),
            (session.mkdir("closed/y").await.err(), "EACCES: permission denied, mkdir 'closed/y'"),
            (session.remove("closed/x").await.err(), "EACCES: permission denied, rm 'closed/x'"),
        ];
        let told = |error: &Option<Error>| error.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        let wrong = cases.iter().filter(|(error, expected)| !told(error).starts_with(expected));
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_one_are_told() {
    for image in [DEBIAN, BUSYBOX] {
        let host_config = json!({ "Tmpfs": { "/small": "size=64k", "/ro": "ro" }, "ReadonlyRootfs": true });
        within("a_full_disk_and_a_read_only_one_are_told", image, host_config, async |sandbox: Sandbox| {
            let content = Bytes::from(vec![b'x'; 1_000_000]);
            let written = sandbox.session.write_file("/small/x", content.clone()).await.expect_err("ENOSPC");
            assert_eq!(written.to_string(), "ENOSPC: no space left on device, write '/small/x'");
            let written = sandbox.session.write_file("/ro/x", content).await.expect_err("EROFS");
            assert_eq!(written.to_string(), "EROFS: read-only file system, open '/ro/x'");
            let made = sandbox.session.mkdir("/ro/x").await.expect_err("EROFS");
            assert_eq!(made.to_string(), "EROFS: read-only file system, mkdir '/ro/x'");
        })
        .await;
    }
}
