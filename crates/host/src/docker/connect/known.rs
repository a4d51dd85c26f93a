//! Where engines put their sockets when nobody says otherwise. Which of them answers is found out when connecting.

use std::path::PathBuf;

use super::address::Address;
use super::environment::Environment;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The default one first.
pub(super) fn addresses(environment: &Environment<'_>) -> Vec<(Address, &'static str)> {
    if cfg!(windows) {
        let pipe = |name: &str| Address::Pipe(format!(r"\\.\pipe\{name}"));
        return vec![
            (pipe("docker_engine"), "default pipe"),
            (pipe("dockerDesktopLinuxEngine"), "Docker Desktop"),
            (pipe("podman-machine-default"), "Podman machine"),
        ];
    }
    sockets(environment).into_iter().map(|(path, found)| (Address::Unix(path), found)).collect()
}

/// The default socket first, then those of rootless Docker, of the desktop products and of Podman.
fn sockets(environment: &Environment<'_>) -> Vec<(PathBuf, &'static str)> {
    let mut sockets = vec![(PathBuf::from(DEFAULT_SOCKET), "default socket")];
    let runtime = runtime_folders(environment);
    sockets.extend(runtime.iter().map(|folder| (folder.join("docker.sock"), "rootless Docker")));
    if let Some(home) = environment.home() {
        sockets.extend([
            (home.join(".docker/run/docker.sock"), "Docker Desktop"),
            (home.join(".docker/desktop/docker.sock"), "Docker Desktop"),
            (home.join(".colima/default/docker.sock"), "Colima"),
        ]);
        sockets.extend(below(home.join(".colima"), "docker.sock").map(|path| (path, "Colima")));
        sockets.push((home.join(".orbstack/run/docker.sock"), "OrbStack"));
        sockets.push((home.join(".rd/docker.sock"), "Rancher Desktop"));
        sockets.extend(below(home.join(".lima"), "sock/docker.sock").map(|path| (path, "Lima")));
        sockets.push((home.join(".local/share/containers/podman/machine/podman.sock"), "Podman machine"));
    }
    sockets.extend(runtime.iter().map(|folder| (folder.join("podman/podman.sock"), "rootless Podman")));
    sockets.push((PathBuf::from("/run/podman/podman.sock"), "Podman"));
    let mut seen = std::collections::HashSet::new();
    sockets.retain(|(path, _)| seen.insert(path.clone()));
    sockets
}

fn runtime_folders(environment: &Environment<'_>) -> Vec<PathBuf> {
    let named = environment.get("XDG_RUNTIME_DIR").map(PathBuf::from);
    named.into_iter().chain(user_id().map(|id| PathBuf::from(format!("/run/user/{id}")))).collect()
}

#[cfg(target_os = "linux")]
fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|own| own.uid())
}

#[cfg(not(target_os = "linux"))]
fn user_id() -> Option<u32> {
    None
}

/// `{folder}/*/{rest}` for what there is now, in a stable order.
fn below(folder: PathBuf, rest: &'static str) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.path().join(rest)).filter(|path| path.exists()).collect();
    paths.sort();
    paths.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_comes_first_and_profiles_are_found() {
        let home = std::env::temp_dir().join(format!("computesdk-known-{}", std::process::id()));
        for profile in [".colima/work", ".colima/default", ".lima/one/sock"] {
            std::fs::create_dir_all(home.join(profile)).unwrap();
            std::fs::write(home.join(profile).join("docker.sock"), "").unwrap();
        }
        let environment = |name: &str| match name {
            "HOME" => home.to_str().map(str::to_owned),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".to_owned()),
            _ => None,
        };
        let sockets = sockets(&Environment::new(&environment));
        let place = |path: &str| sockets.iter().position(|(known, _)| known.ends_with(path)).expect(path);
        assert_eq!(place("var/run/docker.sock"), 0);
        assert_eq!(place("run/user/7/docker.sock"), 1);
        assert!(place(".colima/default/docker.sock") < place(".colima/work/docker.sock"));
        assert!(place(".lima/one/sock/docker.sock") < place("run/podman/podman.sock"));
        let colima = sockets.iter().filter(|(path, _)| path.ends_with(".colima/default/docker.sock"));
        assert_eq!(colima.count(), 1);
        std::fs::remove_dir_all(home).unwrap();
    }
}
