//! The table of operations: dockerode's name, Docker's endpoint, and where the options go.

use crate::docker::Method;
use crate::error::{Error, Result};

/// Where an operation's options go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Query,
    /// The JSON body.
    Body,
    /// The query; the body is a tar.
    Archive,
    /// What `POST /commit` knows as parameters into the query, container config into the body.
    Commit,
    /// The query, credentials into a header.
    Pull,
}

#[derive(Debug)]
pub(super) struct Operation {
    name: &'static str,
    pub(super) method: Method,
    /// `{}` is the target.
    path: &'static str,
    pub(super) takes: Takes,
    /// Takes as long as it takes.
    pub(super) slow: bool,
}

const fn quick(name: &'static str, method: Method, path: &'static str, takes: Takes) -> Operation {
    Operation { name, method, path, takes, slow: false }
}

const fn slow(name: &'static str, method: Method, path: &'static str, takes: Takes) -> Operation {
    Operation { name, method, path, takes, slow: true }
}

const OPERATIONS: &[Operation] = &[
    quick("container.inspect", Method::Get, "/containers/{}/json", Takes::Query),
    slow("container.start", Method::Post, "/containers/{}/start", Takes::Query),
    slow("container.stop", Method::Post, "/containers/{}/stop", Takes::Query),
    slow("container.kill", Method::Post, "/containers/{}/kill", Takes::Query),
    slow("container.restart", Method::Post, "/containers/{}/restart", Takes::Query),
    slow("container.pause", Method::Post, "/containers/{}/pause", Takes::Query),
    slow("container.unpause", Method::Post, "/containers/{}/unpause", Takes::Query),
    slow("container.remove", Method::Delete, "/containers/{}", Takes::Query),
    quick("container.rename", Method::Post, "/containers/{}/rename", Takes::Query),
    quick("container.update", Method::Post, "/containers/{}/update", Takes::Body),
    slow("container.wait", Method::Post, "/containers/{}/wait", Takes::Query),
    slow("container.logs", Method::Get, "/containers/{}/logs", Takes::Query),
    slow("container.stats", Method::Get, "/containers/{}/stats", Takes::Query),
    quick("container.top", Method::Get, "/containers/{}/top", Takes::Query),
    slow("container.changes", Method::Get, "/containers/{}/changes", Takes::Query),
    slow("container.commit", Method::Post, "/commit", Takes::Commit),
    slow("container.putArchive", Method::Put, "/containers/{}/archive", Takes::Archive),
    slow("container.getArchive", Method::Get, "/containers/{}/archive", Takes::Query),
    quick("image.inspect", Method::Get, "/images/{}/json", Takes::Query),
    slow("image.remove", Method::Delete, "/images/{}", Takes::Query),
    quick("image.tag", Method::Post, "/images/{}/tag", Takes::Query),
    quick("docker.ping", Method::Get, "/_ping", Takes::Query),
    quick("docker.version", Method::Get, "/version", Takes::Query),
    quick("docker.info", Method::Get, "/info", Takes::Query),
    slow("docker.df", Method::Get, "/system/df", Takes::Query),
    quick("docker.listContainers", Method::Get, "/containers/json", Takes::Query),
    quick("docker.listImages", Method::Get, "/images/json", Takes::Query),
    slow("docker.pull", Method::Post, "/images/create", Takes::Pull),
];

pub(super) fn find(name: &str) -> Result<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name).ok_or_else(|| Error::InvalidConfig {
        path: "operation".to_owned(),
        problem: format!("there is no {name:?}"),
    })
}

impl Operation {
    pub(super) fn path(&self, target: Option<&str>) -> Result<String> {
        if !self.path.contains("{}") {
            return Ok(self.path.to_owned());
        }
        let target = target.unwrap_or_default();
        // An image's name may hold slashes; in a container's they would reach another endpoint.
        if target.is_empty() || (self.is_of_container() && target.contains('/')) {
            let message = format!("{target:?} is not a name");
            return Err(Error::Api {
                action: self.action(Some(target)),
                message,
                status: Some(400),
                source: None,
            });
        }
        Ok(self.path.replace("{}", target))
    }

    fn is_of_container(&self) -> bool {
        self.name.starts_with("container.")
    }

    /// What is being done, to what: the end of "could not …".
    pub(super) fn action(&self, target: Option<&str>) -> String {
        let (kind, verb) = self.name.split_once('.').unwrap_or(("", self.name));
        match target {
            Some(target) if kind == "docker" => format!("{verb} {target}"),
            Some(target) => format!("{verb} {kind} {target}"),
            None => format!("answer {verb}"),
        }
    }

    /// What an error status means, in dockerode's words.
    pub(super) fn reason(&self, status: u16) -> Option<&'static str> {
        Some(match status {
            304 if self.name == "container.start" => "container already started",
            304 => "container already stopped",
            400 => "bad parameter",
            403 => "permission denied",
            404 if self.is_of_container() => "no such container",
            404 => "no such image",
            409 => "conflict",
            500 => "server error",
            503 => "service unavailable",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_their_target() {
        let path = |name, target| find(name).unwrap().path(target).ok();
        assert_eq!(path("container.stop", Some("abc")).as_deref(), Some("/containers/abc/stop"));
        assert_eq!(path("image.inspect", Some("h:5000/a/b:1")).as_deref(), Some("/images/h:5000/a/b:1/json"));
        assert_eq!(path("docker.df", None).as_deref(), Some("/system/df"));
        assert_eq!(path("container.stop", Some("../images/a")), None);
        assert_eq!(path("container.stop", None), None);
    }

    #[test]
    fn actions_name_their_subject() {
        let action = |name, target| find(name).unwrap().action(target);
        assert_eq!(action("container.stop", Some("abc")), "stop container abc");
        assert_eq!(action("docker.pull", Some("python:3")), "pull python:3");
        assert_eq!(action("docker.df", None), "answer df");
    }
}
