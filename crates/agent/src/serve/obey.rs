//! What each message of the host starts or changes.

use computesdk_docker_protocol::{FileRequest, Hello, Op, Run, Spawn, Started, ToAgent, ToHost, VERSION};
use libc::SIGKILL;

use super::link::Flow;
use super::request::{FileCall, Opened, Request, Work};
use super::wanted;
use super::{Active, Fault, Session};
use crate::command::Command;
use crate::command::spawn::Spawned;
use crate::files::Failure;
use crate::init;

impl Session {
    pub(super) fn obey(&mut self, id: u32, message: ToAgent) -> Result<(), Fault> {
        if let ToAgent::Hello(hello) = &message {
            return self.greet(hello);
        }
        if !self.greeted {
            return Err("the host did not say hello first".into());
        }
        match message {
            ToAgent::Hello(_) => {}
            ToAgent::Run(run) => self.run_command(id, &run)?,
            ToAgent::Spawn(spawn) => self.spawn(id, &spawn)?,
            ToAgent::Signal(SIGKILL) => self.kill(id),
            ToAgent::Signal(signal) => self.with(id, |active, _| {
                active.request.signal(signal);
                None
            }),
            ToAgent::Resize(size) => self.with(id, |active, _| {
                active.request.resize(size);
                None
            }),
            ToAgent::ListProcesses => self.list_processes(id)?,
            ToAgent::KillProcess(kill) => self.kill_process(id, kill)?,
            ToAgent::WaitProcess(pid) => self.wait_process(id, pid)?,
            ToAgent::ReadLog(read) => self.read_log(id, read)?,
            ToAgent::ReadFile(path) => self.call(id, FileCall::Read, path)?,
            ToAgent::WriteFile(write) => self.call(id, FileCall::Write, write.path)?,
            ToAgent::ReadDir(list) => self.call(id, FileCall::List, list.path)?,
            ToAgent::Mkdir(path) => self.call(id, FileCall::Mkdir, path)?,
            ToAgent::Exists(path) => self.call(id, FileCall::Exists, path)?,
            ToAgent::Remove(path) => self.call(id, FileCall::Remove, path)?,
            ToAgent::File(request) => self.file(id, &request)?,
            ToAgent::HandOut => {
                let flow = self.fresh(id)?;
                let told = init::hand_out().map_err(|errno| Failure::new(Op::Kill, errno).about("1"));
                self.link.send(&flow, &told.err().unwrap_or(ToHost::Done));
            }
            ToAgent::Ping => {
                let flow = self.fresh(id)?;
                self.link.send(&flow, &ToHost::Done);
            }
            ToAgent::Credit(bytes) => self.with(id, |active, link| {
                link.credit(&mut active.flow, bytes);
                None
            }),
            ToAgent::Kill => self.kill(id),
            ToAgent::Cancel => self.cancel(id),
            input => self.input(id, &input)?,
        }
        Ok(())
    }

    fn greet(&mut self, hello: &Hello) -> Result<(), Fault> {
        if self.greeted {
            return Err("the host said hello twice".into());
        }
        if hello.version != VERSION {
            return Err(format!(
                "the host speaks version {} of the protocol, the agent {VERSION}",
                hello.version
            ));
        }
        self.greeted = true;
        Ok(())
    }

    /// An id that no request is under way with.
    pub(super) fn fresh(&self, id: u32) -> Result<Flow, Fault> {
        if self.requests.contains_key(&id) {
            return Err(format!("request {id} is under way already"));
        }
        Ok(Flow::new(id))
    }

    fn run_command(&mut self, id: u32, run: &Run) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let tag = self.next_tag();
        match self.spawner.spawn(run, None, &tag) {
            Err(failure) => self.link.send(&flow, &failure.about(subject(run, failure))),
            Ok(spawned) if run.background => {
                self.link.send(&flow, &ToHost::Started(Started { pid: spawned.pid as u32 }));
                self.link.send(&flow, &ToHost::Done);
                self.keepers.keep(spawned, &tag, &mut self.link);
            }
            Ok(spawned) => self.watch_over(flow, spawned, tag),
        }
        Ok(())
    }

    fn spawn(&mut self, id: u32, spawn: &Spawn) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let run = &spawn.run;
        if run.background {
            return Err(format!("request {id} is to be watched over, and in the background"));
        }
        let tag = self.next_tag();
        match self.spawner.spawn(run, spawn.terminal.as_ref(), &tag) {
            Err(failure) => self.link.send(&flow, &failure.about(subject(run, failure))),
            Ok(spawned) => {
                self.link.send(&flow, &ToHost::Started(Started { pid: spawned.pid as u32 }));
                self.watch_over(flow, spawned, tag);
            }
        }
        Ok(())
    }

    fn next_tag(&mut self) -> String {
        self.started += 1;
        format!("{:016x}-{}", self.nonce, self.started)
    }

    fn watch_over(&mut self, flow: Flow, spawned: Spawned, tag: String) {
        let command = Command::new(spawned, tag, &flow, &mut self.link);
        self.commands.insert(command.pid(), flow.id());
        self.insert(flow, String::new(), Work::Command(command));
    }

    fn call(&mut self, id: u32, call: FileCall, path: String) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let resolved = self.spawner.environment().resolve(path.as_bytes());
        let opened = resolved
            .map_err(|errno| Failure::new(call.op(), errno))
            .and_then(|resolved| call.open(&resolved, &flow, &mut self.link));
        self.begin(flow, path, opened);
        Ok(())
    }

    fn file(&mut self, id: u32, request: &FileRequest) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let subject = String::from_utf8_lossy(wanted::subject(request)).into_owned();
        let opened = wanted::open(request, self.spawner.environment(), &flow, &mut self.link);
        self.begin(flow, subject, opened);
        Ok(())
    }

    fn begin(&mut self, flow: Flow, subject: String, opened: Result<Opened, Failure>) {
        match opened {
            Ok(Opened::Work(work)) => self.insert(flow, subject, work),
            Ok(Opened::Answered(answers)) => answers.iter().for_each(|answer| self.link.send(&flow, answer)),
            Err(failure) => self.link.send(&flow, &failure.about(&subject)),
        }
    }

    pub(super) fn insert(&mut self, flow: Flow, subject: String, work: Work) {
        let id = flow.id();
        let is_command = matches!(work, Work::Command(_));
        self.requests.insert(id, Active { flow, request: Request { subject, work } });
        // A command reports itself, until it is killed.
        if !is_command {
            self.tick_later(id);
        }
    }

    fn input(&mut self, id: u32, message: &ToAgent) -> Result<(), Fault> {
        let mut fault = None;
        self.with(id, |active, link| {
            let (request, flow) = (&mut active.request, &active.flow);
            let outcome = match message {
                ToAgent::Stdin(bytes) => request.stdin(bytes, flow, link),
                ToAgent::StdinEnd => request.stdin_end(flow, link),
                ToAgent::Data(bytes) => request.data(bytes, flow, link),
                _ => request.data_end(flow, link),
            };
            outcome.unwrap_or_else(|reason| {
                fault = Some(reason);
                None
            })
        });
        fault.map_or(Ok(()), Err)
    }

    fn kill(&mut self, id: u32) {
        let is_command = self.requests.get_mut(&id).is_some_and(|active| active.request.kill());
        if is_command {
            self.tick_later(id);
        }
    }

    /// A command is killed and ends as usual; anything else ends now, wherever it is.
    fn cancel(&mut self, id: u32) {
        self.kill(id);
        self.with(id, |active, _| (!matches!(active.request.work, Work::Command(_))).then_some(ToHost::Done));
    }
}

/// What the failure to start a command is about.
fn subject(run: &Run, failure: Failure) -> &str {
    match failure.op() {
        Op::Chdir => run.cwd.as_deref().unwrap_or("."),
        _ => run.argv.first().map_or("", String::as_str),
    }
}
