//! `security: 'strict'`: what a container gets then, and what is refused. The check looks at the whole request to Docker,
//! so that no key of the config and none of `createOptions` gets round it. Pure.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Nobody's, in most images.
pub(super) const USER: &str = "1000:1000";
const WORKDIR_SIZE: &str = "256m";
const TMP_SIZE: &str = "64m";
/// Half of what a container has by default: foreign code comes after the machine's own work.
const CPU_SHARES: i64 = 512;
/// Below are the ports of the machine's own services.
const FIRST_FREE_PORT: u16 = 1025;
const NO_NEW_PRIVILEGES: &str = "no-new-privileges:true";

/// Folders of the host that give its control away, with all that is in them.
const HOST_FOLDERS: [&str; 15] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/run",
];

/// How the user comes to be allowed to write to the tmpfs at the workdir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writable {
    /// It belongs to the user: Docker's OCI runtimes give it the mode of the folder beneath, whatever mode is asked for.
    ByOwner,
    /// Anybody may write there: Podman keeps to the mode, and refuses an owner.
    ByMode,
}

/// Adds to what the config asks for. What is there already and contradicts stays, for the check to refuse.
pub(super) fn tighten(body: &mut Value, workdir: &str, writable: Writable) {
    if body["User"].as_str().unwrap_or_default().is_empty() {
        body["User"] = USER.into();
    }
    let owner = match writable {
        Writable::ByOwner => owner(body["User"].as_str().unwrap_or_default()),
        Writable::ByMode => String::new(),
    };
    let Some(host) = body["HostConfig"].as_object_mut() else { return };
    host.insert("CapDrop".into(), json!(["ALL"]));
    host.insert("SecurityOpt".into(), json!([NO_NEW_PRIVILEGES]));
    host.insert("ReadonlyRootfs".into(), true.into());
    host.entry("NetworkMode").or_insert_with(|| "none".into());
    if !["CpuShares", "NanoCpus", "CpuQuota"].iter().any(|field| host.contains_key(*field)) {
        host.insert("CpuShares".into(), CPU_SHARES.into());
    }
    if let Some(memory) = host.get("Memory").cloned() {
        host.entry("MemorySwap").or_insert(memory);
    }
    let tmpfs = |size: &str| format!("rw,exec,nosuid,nodev,mode=1777,size={size}");
    let mut mounts = Map::new();
    mounts.insert(workdir.to_owned(), format!("{}{owner}", tmpfs(WORKDIR_SIZE)).into());
    mounts.insert("/tmp".to_owned(), tmpfs(TMP_SIZE).into());
    host.insert("Tmpfs".into(), mounts.into());
    for bindings in
        host.get_mut("PortBindings").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        for binding in bindings.as_array_mut().into_iter().flatten() {
            if binding["HostIp"].as_str().unwrap_or_default().is_empty() {
                binding["HostIp"] = "127.0.0.1".into();
            }
        }
    }
}

fn owner(user: &str) -> String {
    let mut ids = user.split(':').map(str::parse::<u32>);
    let id = |name: &str, id: Option<Result<u32, _>>| match id {
        Some(Ok(id)) => format!(",{name}={id}"),
        _ => String::new(),
    };
    let uid = id("uid", ids.next());
    uid + &id("gid", ids.next())
}

/// Refuses what would open the walls again, by the name of the key.
pub(super) fn check(body: &Value) -> Result<()> {
    let host = &body["HostConfig"];
    let problem = identity(body)
        .or_else(|| privileges(host))
        .or_else(|| namespaces(host))
        .or_else(|| limits(host))
        .or_else(|| folders(host))
        .or_else(|| ports(host));
    match problem {
        None => Ok(()),
        Some((path, why)) => Err(Error::InvalidConfig {
            path: path.to_owned(),
            problem: format!("contradicts security 'strict': {why}"),
        }),
    }
}

type Problem = Option<(&'static str, String)>;

fn identity(body: &Value) -> Problem {
    let user = body["User"].as_str().unwrap_or_default();
    let name = user.split(':').next().unwrap_or_default();
    // Whose a name is says the image; it may be root's.
    let fits = name.parse::<u32>().is_ok_and(|id| id != 0);
    (!fits).then(|| {
        ("container.user", format!("expected a number other than root's, such as {USER:?}, got {user:?}"))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(_) => false,
    }
}

fn privileges(host: &Value) -> Problem {
    if host["SecurityOpt"] != json!([NO_NEW_PRIVILEGES]) {
        return Some(("createOptions.HostConfig.SecurityOpt", "Docker's own seccomp profile is used".into()));
    }
    if host["CapDrop"] != json!(["ALL"]) {
        return Some(("container.capabilities.drop", "all are dropped".into()));
    }
    if host["ReadonlyRootfs"] != true {
        return Some(("createOptions.HostConfig.ReadonlyRootfs", "the root is read-only".into()));
    }
    let none = [
        ("Privileged", "container.privileged", "no container is privileged"),
        ("CapAdd", "container.capabilities.add", "no capability is added"),
        ("DeviceRequests", "container.gpus", "no device is let in"),
        ("Devices", "createOptions.HostConfig.Devices", "no device is let in"),
        ("DeviceCgroupRules", "createOptions.HostConfig.DeviceCgroupRules", "no device is let in"),
        ("Sysctls", "createOptions.HostConfig.Sysctls", "the kernel's settings stay"),
        ("VolumesFrom", "createOptions.HostConfig.VolumesFrom", "no other container's folders are let in"),
        ("Links", "createOptions.HostConfig.Links", "no other container is let in"),
        ("CgroupParent", "createOptions.HostConfig.CgroupParent", "limits are the container's own"),
        ("OomKillDisable", "createOptions.HostConfig.OomKillDisable", "memory stays limited"),
    ];
    if !matches!(host["RestartPolicy"]["Name"].as_str(), None | Some("" | "no")) {
        return Some(("createOptions.HostConfig.RestartPolicy", "what has ended stays so".into()));
    }
    let set = none.into_iter().find(|(field, ..)| !is_empty(&host[*field]));
    set.map(|(_, path, why)| (path, why.to_owned()))
}

fn namespaces(host: &Value) -> Problem {
    let modes = [
        ("PidMode", "createOptions.HostConfig.PidMode"),
        ("IpcMode", "createOptions.HostConfig.IpcMode"),
        ("UTSMode", "createOptions.HostConfig.UTSMode"),
        ("UsernsMode", "createOptions.HostConfig.UsernsMode"),
        ("CgroupnsMode", "createOptions.HostConfig.CgroupnsMode"),
        ("NetworkMode", "container.networkMode"),
    ];
    let shared = modes.into_iter().find(|(field, _)| {
        let mode = host[*field].as_str().unwrap_or_default();
        mode == "host" || mode == "shareable" || mode.starts_with("container:")
    });
    shared.map(|(_, path)| (path, "no namespace is shared".to_owned()))
}

fn limits(host: &Value) -> Problem {
    let number = |field: &str| host[field].as_i64().unwrap_or_default();
    if number("Memory") <= 0 {
        return Some(("container.resources.memory", "memory is limited".into()));
    }
    if number("MemorySwap") != number("Memory") {
        return Some(("container.resources.memorySwap", "there is no swap: it equals memory".into()));
    }
    if number("PidsLimit") <= 0 {
        return Some(("container.resources.pidsLimit", "the number of processes is limited".into()));
    }
    None
}

fn folders(host: &Value) -> Problem {
    let binds = host["Binds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let bound = binds.map(|bind| bind.split(':').next().unwrap_or_default());
    let mounts = host["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "bind");
    let mounted = mounts.map(|mount| mount["Source"].as_str().unwrap_or_default());
    if let Some(dangerous) = bound.chain(mounted).find(|source| controls_host(source)) {
        return Some(("container.binds", format!("{dangerous:?} gives the host away")));
    }
    propagates(host).then(|| ("container.binds", "what is mounted inside stays inside".to_owned()))
}

/// Whether mounts that are made in the container appear on the host.
fn propagates(host: &Value) -> bool {
    let is_shared = |mode: &str| matches!(mode, "shared" | "rshared");
    let mut binds = host["Binds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut mounts = host["Mounts"].as_array().into_iter().flatten();
    binds.any(|bind| bind.split(':').skip(2).flat_map(|options| options.split(',')).any(is_shared))
        || mounts.any(|mount| mount["BindOptions"]["Propagation"].as_str().is_some_and(is_shared))
}

/// Names of volumes do not begin with a slash.
fn controls_host(source: &str) -> bool {
    if !source.starts_with('/') {
        return false;
    }
    let parts: Vec<&str> = source.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let path = format!("/{}", parts.join("/"));
    let within = |folder: &&str| path == **folder || path.starts_with(&format!("{folder}/"));
    let above = |folder: &&str| folder.starts_with(&format!("{path}/"));
    path == "/"
        || path.ends_with(".sock")
        || parts.contains(&"..")
        || HOST_FOLDERS.iter().any(|folder| within(folder) || above(folder))
}

fn ports(host: &Value) -> Problem {
    let ports = host["PortBindings"].as_object().into_iter().flat_map(Map::values);
    let bindings: Vec<&Value> =
        ports.flat_map(|bindings| bindings.as_array().into_iter().flatten()).collect();
    let is_loopback = |binding: &&Value| {
        let ip = binding["HostIp"].as_str().unwrap_or_default();
        ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    if host["PublishAllPorts"] == true || !bindings.iter().all(is_loopback) {
        return Some(("container.ports", "ports are published on 127.0.0.1 only".into()));
    }
    let is_low = |binding: &&Value| {
        let port = binding["HostPort"].as_str().unwrap_or_default();
        port.split('-')
            .next()
            .is_some_and(|first| first.parse().is_ok_and(|port: u16| (1..FIRST_FREE_PORT).contains(&port)))
    };
    if bindings.iter().any(is_low) {
        let why = format!("the ports of this machine below {FIRST_FREE_PORT} are those of its own services");
        return Some(("container.ports", why));
    }
    let isolated = host["NetworkMode"] == "none";
    (isolated && !bindings.is_empty())
        .then(|| ("container.ports", "there is no network; name one in container.networkMode".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::create::spec::preview;

    fn refused(config: Value) -> Option<String> {
        let mut config = config;
        config["security"] = json!("strict");
        match check(&preview(&Config::from_source(config).unwrap())) {
            Ok(()) => None,
            Err(Error::InvalidConfig { path, .. }) => Some(path),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_contradicts_is_refused_by_name() {
        let host = |field: &str, value: Value| json!({ "createOptions": { "HostConfig": { field: value } } });
        for (config, path) in [
            (json!({ "container": { "user": "root" } }), "container.user"),
            (json!({ "container": { "user": "00:5" } }), "container.user"),
            (json!({ "container": { "user": "node" } }), "container.user"),
            (json!({ "createOptions": { "User": "" } }), "container.user"),
            (json!({ "container": { "privileged": true } }), "container.privileged"),
            (json!({ "container": { "capabilities": { "add": ["CHOWN"] } } }), "container.capabilities.add"),
            (json!({ "container": { "gpus": "all" } }), "container.gpus"),
            (json!({ "container": { "networkMode": "host" } }), "container.networkMode"),
            (json!({ "container": { "networkMode": "container:x" } }), "container.networkMode"),
            (json!({ "container": { "binds": ["/var/run/docker.sock:/s"] } }), "container.binds"),
            (json!({ "container": { "binds": ["/var:/v"] } }), "container.binds"),
            (json!({ "container": { "binds": ["/usr/local:/v"] } }), "container.binds"),
            (json!({ "container": { "binds": ["/srv:/v:ro,rshared"] } }), "container.binds"),
            (
                json!({ "container": { "networkMode": "bridge", "ports": { "80/tcp": [{ "hostPort": 1024 }] } } }),
                "container.ports",
            ),
            (json!({ "container": { "binds": ["/srv/../etc:/v:ro"] } }), "container.binds"),
            (json!({ "container": { "resources": { "memory": 0 } } }), "container.resources.memory"),
            (json!({ "container": { "resources": { "memorySwap": -1 } } }), "container.resources.memorySwap"),
            (json!({ "container": { "resources": { "pidsLimit": -1 } } }), "container.resources.pidsLimit"),
            (json!({ "container": { "ports": { "80/tcp": [{ "hostPort": 80 }] } } }), "container.ports"),
            (
                json!({ "container": { "networkMode": "bridge", "ports": { "80/tcp": [{ "hostIP": "0.0.0.0" }] } } }),
                "container.ports",
            ),
            (host("Privileged", json!(true)), "container.privileged"),
            (host("PidMode", json!("host")), "createOptions.HostConfig.PidMode"),
            (host("SecurityOpt", json!(["seccomp=unconfined"])), "createOptions.HostConfig.SecurityOpt"),
            (host("ReadonlyRootfs", json!(false)), "createOptions.HostConfig.ReadonlyRootfs"),
            (
                host(
                    "Mounts",
                    json!([{ "Type": "bind", "Source": "/srv", "Target": "/v", "BindOptions": { "Propagation": "shared" } }]),
                ),
                "container.binds",
            ),
            (host("RestartPolicy", json!({ "Name": "always" })), "createOptions.HostConfig.RestartPolicy"),
            (host("Devices", json!([{}])), "createOptions.HostConfig.Devices"),
            (host("CapDrop", json!([])), "container.capabilities.drop"),
            (
                host("Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/host" }])),
                "container.binds",
            ),
        ] {
            assert_eq!(refused(config.clone()).as_deref(), Some(path), "{config}");
        }
    }

    #[test]
    fn processor_time_is_rationed_unless_the_config_does_so() {
        let shares = |resources: Value| {
            let config = json!({ "security": "strict", "container": { "resources": resources } });
            preview(&Config::from_source(config).unwrap())["HostConfig"]["CpuShares"].clone()
        };
        assert_eq!(shares(json!({})), json!(512));
        assert_eq!(shares(json!({ "cpuShares": 64 })), json!(64));
        assert_eq!(shares(json!({ "nanoCPUs": 1_000_000_000 })), Value::Null);
    }

    #[test]
    fn what_keeps_to_it_is_taken() {
        for config in [
            json!({}),
            json!({ "container": { "user": "33", "workdir": "/app", "env": { "A": "1" } } }),
            json!({ "container": { "binds": ["/srv/data:/data:ro,rslave", "volume:/v"] } }),
            json!({ "createOptions": { "HostConfig": { "RestartPolicy": { "Name": "no" } } } }),
            json!({ "container": { "networkMode": "bridge", "ports": { "80/tcp": [{ "hostPort": 8080 }, {}] } } }),
            json!({ "container": { "resources": { "memory": 9_000_000, "pidsLimit": 5 } } }),
        ] {
            assert_eq!(refused(config.clone()), None, "{config}");
        }
    }
}
