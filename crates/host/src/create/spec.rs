//! The body of `POST /containers/create`: config and options in Docker's own field names. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::options::CreateOptions;
use super::strict::{self, Writable};
use crate::config::{
    Cleanup, Config, Container, DEFAULT_WORKDIR, Gpus, Lifetime, Resources, Runtime, Security, Whole,
};
use crate::error::Result;
use crate::labels::{self, Labels};

/// Where the agent's volume is mounted.
pub(crate) const AGENT_DIR: &str = "/.computesdk";
pub(crate) const AGENT: &str = "/.computesdk/agent";

/// Keeps a container without agent alive, and ends at once when it is stopped.
const KEEP_ALIVE: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/// How the agent gets into the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AgentPlan {
    /// Mounted from this volume.
    Volume(String),
    /// Wanted, but it cannot be had: the reason.
    Missing(String),
    /// `session: 'exec'`.
    Unwanted,
}

pub(super) struct Spec<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a CreateOptions,
    pub(super) runtime: Runtime,
    pub(super) image: &'a str,
    pub(super) workdir: &'a str,
    pub(super) agent: &'a AgentPlan,
    /// Environment below all other, as the docker command sets it.
    pub(super) proxies: &'a BTreeMap<String, String>,
    /// Of a strict sandbox's workdir.
    pub(super) writable: Writable,
}

impl Spec<'_> {
    /// What Docker is asked for: ours, with `createOptions` merged over it. The sandbox label stays whatever
    /// they say, and the agent's mount is added to their mounts.
    pub(super) fn body(&self) -> Value {
        let mut body = self.ours();
        let theirs = &self.config.create_options;
        if theirs.contains_key("Entrypoint") || theirs.contains_key("Cmd") {
            // Half of ours beside half of theirs would start neither.
            body["Entrypoint"] = Value::Null;
            body["Cmd"] = Value::Null;
        }
        if self.config.security == Security::Strict {
            strict::tighten(&mut body, self.workdir, self.writable);
        }
        merge(&mut body, &Value::Object(theirs.clone()));
        add_label(&mut body);
        if let AgentPlan::Volume(name) = self.agent {
            add_mount(&mut body, name);
        }
        body
    }

    fn ours(&self) -> Value {
        let container = &self.config.container;
        let (entrypoint, cmd) = match self.agent {
            AgentPlan::Volume(_) => {
                let pooled = self.options.pooled.then(|| "pooled".to_owned());
                let words = ["init".to_owned()].into_iter().chain(self.lifetime().words()).chain(pooled);
                (json!([AGENT]), words.collect())
            }
            _ => (json!(["/bin/sh", "-c"]), json!([KEEP_ALIVE])),
        };
        let mut body = json!({
            "Image": self.image,
            "Entrypoint": entrypoint,
            "Cmd": cmd,
            "WorkingDir": self.workdir,
            "Env": self.env(),
            "Labels": self.labels(),
            "Tty": container.tty,
            "OpenStdin": container.open_stdin,
            "ExposedPorts": self.exposed_ports(),
            "HostConfig": self.host_config(),
        });
        if let Some(user) = &container.user {
            body["User"] = user.as_str().into();
        }
        body
    }

    fn lifetime(&self) -> Lifetime {
        self.options.lifetime.or(self.config.lifetime)
    }

    fn env(&self) -> Vec<String> {
        let mut env = self.proxies.clone();
        env.extend(self.config.container.env.clone());
        env.extend(self.options.envs.clone());
        env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn labels(&self) -> Labels {
        let timeout = self.options.timeout.map_or(self.config.timeout_ms(), |t| t.0.unsigned_abs());
        let mut labels = Labels::new();
        labels.insert(labels::RUNTIME.into(), self.runtime.name().into());
        labels.insert(labels::TIMEOUT.into(), timeout.to_string().into());
        labels.insert(labels::VERSION.into(), env!("CARGO_PKG_VERSION").into());
        let Lifetime { max, idle } = self.lifetime();
        for (label, ms) in [(labels::LIFETIME_MAX, max), (labels::LIFETIME_IDLE, idle)] {
            if let Some(Whole(ms)) = ms {
                labels.insert(label.into(), ms.to_string().into());
            }
        }
        if self.options.pooled {
            labels.insert(labels::POOL.into(), "true".into());
        }
        if let Some(namespace) = &self.options.namespace {
            labels.insert(labels::NAMESPACE.into(), namespace.as_str().into());
        }
        if let AgentPlan::Missing(reason) = self.agent {
            labels.insert(labels::NO_AGENT.into(), reason.as_str().into());
        }
        for (key, value) in &self.options.metadata {
            labels::put_meta(&mut labels, key, value);
        }
        labels
    }

    fn host_config(&self) -> Value {
        let container = &self.config.container;
        let mut host = limits(&container.resources);
        host.insert("PortBindings".into(), self.port_bindings().into());
        host.insert("Privileged".into(), container.privileged.into());
        host.insert(
            "AutoRemove".into(),
            (container.auto_remove && self.config.cleanup == Cleanup::Always).into(),
        );
        if let Some(runtime) = &self.config.oci_runtime {
            host.insert("Runtime".into(), runtime.as_str().into());
        }
        add_optional(&mut host, container);
        host.into()
    }

    fn port_bindings(&self) -> Map<String, Value> {
        let mut bindings = self.config.container.ports.bindings();
        for Whole(port) in &self.options.ports {
            let at = bindings.entry(format!("{port}/tcp")).or_insert_with(|| json!([]));
            if let Value::Array(at) = at {
                at.push(json!({ "HostIp": "127.0.0.1", "HostPort": "" }));
            }
        }
        bindings
    }

    fn exposed_ports(&self) -> Map<String, Value> {
        self.port_bindings().into_iter().map(|(port, _)| (port, json!({}))).collect()
    }
}

/// What the config alone comes to, for checks before anything is created.
pub(crate) fn preview(config: &Config) -> Value {
    let workdir = config.container.workdir.as_deref().unwrap_or(DEFAULT_WORKDIR);
    let (options, proxies) = (CreateOptions::default(), BTreeMap::new());
    let spec = Spec {
        config,
        options: &options,
        runtime: Runtime::Python,
        image: "",
        workdir,
        agent: &AgentPlan::Unwanted,
        proxies: &proxies,
        writable: Writable::ByOwner,
    };
    spec.body()
}

/// Refuses a request that contradicts the config's `security`.
pub(crate) fn check_security(config: &Config, body: &Value) -> Result<()> {
    if config.security == Security::Strict { strict::check(body) } else { Ok(()) }
}

fn add_optional(host: &mut Map<String, Value>, container: &Container) {
    if !container.binds.is_empty() {
        host.insert("Binds".into(), container.binds.clone().into());
    }
    if let Some(mode) = &container.network_mode {
        host.insert("NetworkMode".into(), mode.as_str().into());
    }
    if !container.capabilities.add.is_empty() {
        host.insert("CapAdd".into(), container.capabilities.add.clone().into());
    }
    if !container.capabilities.drop.is_empty() {
        host.insert("CapDrop".into(), container.capabilities.drop.clone().into());
    }
    if let Some(gpus) = &container.gpus {
        host.insert("DeviceRequests".into(), json!([device_request(gpus)]));
    }
    if let Some(driver) = &container.log_driver {
        host.insert("LogConfig".into(), json!({ "Type": driver, "Config": container.log_opts }));
    }
}

/// What `docker run --gpus` sends.
fn device_request(gpus: &Gpus) -> Value {
    let capabilities = json!([["gpu"]]);
    match gpus {
        Gpus::All => json!({ "Driver": "", "Count": -1, "Capabilities": capabilities }),
        Gpus::Count(count) => json!({ "Driver": "", "Count": count, "Capabilities": capabilities }),
        Gpus::Devices(ids) => json!({ "Driver": "", "DeviceIDs": ids, "Capabilities": capabilities }),
    }
}

/// The limits sit flat in HostConfig: there is no `Resources` object in the API.
fn limits(limits: &Resources) -> Map<String, Value> {
    let numbers = [
        ("CpuShares", limits.cpu_shares),
        ("CpuQuota", limits.cpu_quota),
        ("CpuPeriod", limits.cpu_period),
        ("NanoCpus", limits.nano_cpus),
        ("Memory", limits.memory),
        ("MemorySwap", limits.memory_swap),
        ("MemoryReservation", limits.memory_reservation),
        ("PidsLimit", limits.pids_limit),
        ("ShmSize", limits.shm_size),
    ];
    let mut host: Map<String, Value> =
        numbers.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?.0.into()))).collect();
    if let Some(cpus) = &limits.cpuset_cpus {
        host.insert("CpusetCpus".into(), cpus.as_str().into());
    }
    if !limits.ulimits.is_empty() {
        let ulimit =
            |u: &crate::config::Ulimit| json!({ "Name": u.name, "Soft": u.soft.0, "Hard": u.hard.0 });
        host.insert("Ulimits".into(), limits.ulimits.iter().map(ulimit).collect());
    }
    host
}

/// Objects merge key by key, everything else is replaced.
pub(super) fn merge(target: &mut Value, over: &Value) {
    match (target, over) {
        (Value::Object(target), Value::Object(over)) => {
            for (key, value) in over {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, over) => *target = over.clone(),
    }
}

fn add_label(body: &mut Value) {
    match &mut body["Labels"] {
        Value::Object(labels) => _ = labels.insert(labels::SANDBOX.into(), "true".into()),
        other => *other = json!({ labels::SANDBOX: "true" }),
    }
}

fn add_mount(body: &mut Value, volume: &str) {
    let mount = json!({ "Type": "volume", "Source": volume, "Target": AGENT_DIR, "ReadOnly": true });
    match &mut body["HostConfig"]["Mounts"] {
        Value::Array(mounts) => mounts.push(mount),
        other => *other = json!([mount]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(config: Value, options: Value, agent: &AgentPlan) -> Value {
        let config = Config::from_source(config).unwrap();
        let options = CreateOptions::from_source(options).unwrap();
        let proxies = BTreeMap::from([("http_proxy".to_owned(), "http://p:1".to_owned())]);
        Spec {
            config: &config,
            options: &options,
            runtime: Runtime::Python,
            image: "i",
            workdir: "/w",
            agent,
            proxies: &proxies,
            writable: Writable::ByOwner,
        }
        .body()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let body = body(json!({}), json!({}), &AgentPlan::Unwanted);
        assert_eq!(body["WorkingDir"], "/w");
        assert_eq!(body["Tty"], true);
        assert_eq!(body["OpenStdin"], false);
        assert_eq!(body["HostConfig"]["AutoRemove"], true);
        assert_eq!(body["HostConfig"]["Memory"], 512 * 1024 * 1024);
    }

    #[test]
    fn create_options_win_but_the_label_and_the_agent_stay() {
        let theirs = json!({"createOptions": {
            "Labels": {"com.computesdk.sandbox": "no", "a": "b"}, "Entrypoint": ["/x"],
            "HostConfig": {"Memory": 7.0, "Mounts": [{"Type": "tmpfs", "Target": "/t"}]},
        }});
        let body = body(theirs, json!({}), &AgentPlan::Volume("v".into()));
        assert_eq!(body["Labels"]["com.computesdk.sandbox"], "true");
        assert_eq!(body["Labels"]["a"], "b");
        assert_eq!(body["Labels"]["com.computesdk.runtime"], "python");
        assert_eq!(body["Entrypoint"], json!(["/x"]));
        assert_eq!(body["Cmd"], Value::Null);
        assert_eq!(body["HostConfig"]["Memory"], 7);
        assert_eq!(body["HostConfig"]["Mounts"].as_array().map(Vec::len), Some(2));
        assert_eq!(body["HostConfig"]["Mounts"][1]["Source"], "v");
    }

    #[test]
    fn what_is_said_of_the_environment_comes_before_the_proxies() {
        let env = |config: Value, options: Value| body(config, options, &AgentPlan::Unwanted)["Env"].clone();
        assert_eq!(env(json!({}), json!({})), json!(["http_proxy=http://p:1"]));
        let config = json!({"container": {"env": {"http_proxy": "", "A": "1"}}});
        assert_eq!(env(config, json!({"envs": {"A": "2"}})), json!(["A=2", "http_proxy="]));
    }

    #[test]
    fn gpus_become_device_requests() {
        let request = |gpus: Value| {
            let body = body(json!({"container": {"gpus": gpus}}), json!({}), &AgentPlan::Unwanted);
            body["HostConfig"]["DeviceRequests"][0].clone()
        };
        assert_eq!(request(json!("all"))["Count"], -1);
        assert_eq!(request(json!(2))["Count"], 2);
        assert_eq!(request(json!("0,GPU-x"))["DeviceIDs"], json!(["0", "GPU-x"]));
    }

    #[test]
    fn ports_of_the_call_are_published_on_loopback_beside_the_configured_ones() {
        let config = json!({"container": {"ports": {"80/tcp": [{"hostPort": 8080, "hostIP": "127.0.0.1"}]}}});
        let body = body(config, json!({"ports": [3000]}), &AgentPlan::Unwanted);
        let bindings = &body["HostConfig"]["PortBindings"];
        assert_eq!(bindings["80/tcp"], json!([{"HostIp": "127.0.0.1", "HostPort": "8080"}]));
        assert_eq!(bindings["3000/tcp"], json!([{"HostIp": "127.0.0.1", "HostPort": ""}]));
        assert!(body["ExposedPorts"]["3000/tcp"].is_object());
    }

    #[test]
    fn a_kept_container_is_never_auto_removed() {
        for cleanup in ["onSuccess", "never"] {
            let body = body(json!({ "cleanup": cleanup }), json!({}), &AgentPlan::Unwanted);
            assert_eq!(body["HostConfig"]["AutoRemove"], false);
        }
    }
}
