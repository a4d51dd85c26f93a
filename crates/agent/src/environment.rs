//! What a command starts with: the environment over the agent's own, where its program may lie, and its folder.

use std::borrow::Cow;
use std::env;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStringExt;

use libc::EINVAL;

use crate::sys::{self, Errno};

/// Names the command that a process belongs to, whatever session and parent it has moved to.
pub(crate) const TAG: &str = "COMPUTESDK_COMMAND";

/// Where programs are looked for when the environment names no PATH, as container engines do.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug)]
pub(crate) struct Environment {
    /// `NAME=value`, without the tag.
    vars: Vec<CString>,
    /// The folder that relative paths start at, by name: it may be removed and made again.
    workdir: Vec<u8>,
}

impl Environment {
    /// The agent's own. Moves the agent to `/`, so that it holds no folder in use.
    pub(crate) fn take() -> Self {
        let vars = env::vars_os().filter(|(name, _)| name != TAG).filter_map(|(name, value)| {
            let mut var = name.into_vec();
            var.push(b'=');
            var.extend(value.into_vec());
            CString::new(var).ok()
        });
        let workdir =
            env::current_dir().map_or_else(|_| b"/".to_vec(), |path| path.into_os_string().into_vec());
        let this = Self { vars: vars.collect(), workdir };
        // Staying where it was started is no harm beyond a busy mount.
        let _ = sys::chdir(c"/");
        this
    }

    /// The whole environment of a command: the tag, the agent's variables, `extra` over them, `defaults` for what
    /// neither has.
    pub(crate) fn merged(
        &self,
        extra: &[(String, String)],
        defaults: &[(String, String)],
        tag: &str,
    ) -> sys::Result<Vec<Cow<'_, CStr>>> {
        let mut all = Vec::with_capacity(self.vars.len() + extra.len() + defaults.len() + 1);
        all.push(Cow::Owned(c_string(format!("{TAG}={tag}"))?));
        let kept = self.vars.iter().filter(|var| !extra.iter().any(|(name, _)| names(var.as_bytes(), name)));
        all.extend(kept.map(|var| Cow::Borrowed(var.as_c_str())));
        for (at, (name, value)) in extra.iter().enumerate() {
            let is_last = !extra[at + 1..].iter().any(|(later, _)| later == name);
            if is_last && name != TAG {
                all.push(Cow::Owned(c_string(format!("{name}={value}"))?));
            }
        }
        for (name, value) in defaults {
            let given = extra.iter().any(|(other, _)| other == name);
            if !given && !self.vars.iter().any(|var| names(var.as_bytes(), name)) {
                all.push(Cow::Owned(c_string(format!("{name}={value}"))?));
            }
        }
        Ok(all)
    }

    /// The files that `program` may be, in the order to try: it is looked up in PATH when it has no slash.
    pub(crate) fn candidates(&self, program: &str, extra: &[(String, String)]) -> sys::Result<Vec<CString>> {
        if program.is_empty() || program.contains('/') {
            return Ok(vec![c_string(program)?]);
        }
        let folders = self.path(extra).split(|b| *b == b':');
        folders
            .map(|folder| c_string(join(if folder.is_empty() { b"." } else { folder }, program.as_bytes())))
            .collect()
    }

    fn path<'a>(&'a self, extra: &'a [(String, String)]) -> &'a [u8] {
        let given = extra.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_bytes());
        let own = || self.vars.iter().find_map(|var| var.as_bytes().strip_prefix(b"PATH="));
        given.or_else(own).unwrap_or(DEFAULT_PATH)
    }

    /// `path` as the system takes it; a relative one starts at the workdir.
    pub(crate) fn resolve(&self, path: &[u8]) -> sys::Result<CString> {
        match path.first() {
            None => Err(Errno(libc::ENOENT)),
            Some(b'/') => c_string(path),
            Some(_) => c_string(join(&self.workdir, path)),
        }
    }

    pub(crate) fn workdir(&self) -> sys::Result<CString> {
        c_string(self.workdir.clone())
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    path.push(b'/');
    path.extend(name);
    path
}

fn names(var: &[u8], name: &str) -> bool {
    var.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
}

/// A string with a NUL in it names nothing.
pub(crate) fn c_string(bytes: impl Into<Vec<u8>>) -> sys::Result<CString> {
    CString::new(bytes).map_err(|_| Errno(EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let vars = [c"PATH=/one:/two", c"HOME=/root", c"HOMER=x"].map(CStr::to_owned).to_vec();
        Environment { vars, workdir: b"/home/me".to_vec() }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn text(list: &[impl AsRef<CStr>]) -> Vec<&str> {
        list.iter().map(|item| item.as_ref().to_str().expect("ASCII")).collect()
    }

    #[test]
    fn given_variables_replace_those_of_the_same_name_and_the_last_wins() {
        let extra = pairs(&[("HOME", "/a"), ("HOME", "/b"), ("NEW", "1=2")]);
        let merged = environment().merged(&extra, &[], "t-1").map(|m| text(&m).join("|"));
        assert_eq!(merged, Ok("COMPUTESDK_COMMAND=t-1|PATH=/one:/two|HOMER=x|HOME=/b|NEW=1=2".into()));
    }

    #[test]
    fn a_command_cannot_pass_for_another() {
        let merged = environment().merged(&pairs(&[(TAG, "forged")]), &[], "t-1").map(|m| text(&m).join("|"));
        assert_eq!(merged, Ok("COMPUTESDK_COMMAND=t-1|PATH=/one:/two|HOME=/root|HOMER=x".into()));
    }

    #[test]
    fn defaults_are_for_what_nobody_has_set() {
        let defaults = pairs(&[("HOME", "/a"), ("TERM", "x"), ("LANG", "C")]);
        let environment = environment();
        let merged = environment.merged(&pairs(&[("LANG", "de")]), &defaults, "t-1");
        let merged = merged.map(|m| text(&m).join("|"));
        assert_eq!(
            merged,
            Ok("COMPUTESDK_COMMAND=t-1|PATH=/one:/two|HOME=/root|HOMER=x|LANG=de|TERM=x".into())
        );
    }

    #[test]
    fn a_program_is_looked_up_in_the_commands_own_path() {
        let environment = environment();
        let find = |program, extra: &[(&str, &str)]| {
            environment.candidates(program, &pairs(extra)).map(|found| text(&found).join(" "))
        };
        assert_eq!(find("sh", &[]), Ok("/one/sh /two/sh".into()));
        assert_eq!(find("sh", &[("PATH", "/x::")]), Ok("/x/sh ./sh ./sh".into()));
        assert_eq!(find("./sh", &[("PATH", "/x")]), Ok("./sh".into()));
        assert_eq!(find("s\0h", &[]), Err(Errno(EINVAL)));
    }

    #[test]
    fn relative_paths_start_at_the_workdir() {
        let environment = environment();
        assert_eq!(environment.resolve(b"a b"), Ok(c"/home/me/a b".into()));
        assert_eq!(environment.resolve(b"/a"), Ok(c"/a".into()));
        assert_eq!(environment.resolve(b""), Err(Errno(libc::ENOENT)));
        assert_eq!(environment.resolve(b"a\0"), Err(Errno(EINVAL)));
    }
}
