//! `runCode`: hands code to the image's own interpreter. No file is written, so calls cannot see each other's, the
//! working folder is the workdir, and imports of neighbouring files work.

use bytes::Bytes;

use super::run::{RunOptions, RunResult, Sink, Wanted};
use super::{Sandbox, syntax};
use crate::config::Runtime;
use crate::error::{Error, Result};

/// The kernel takes no argument over 128 KiB; longer code goes in by stdin.
const MAX_ARGUMENT: usize = 120 * 1024;
/// The shell's code for a program that is not there.
const NOT_FOUND: i32 = 127;

impl Sandbox {
    /// Runs code by the named runtime, else by the sandbox's own. A syntax error of the program is an error.
    pub async fn run_code(
        &self,
        code: &str,
        runtime: Option<&str>,
        options: RunOptions,
        sink: Option<Sink>,
    ) -> Result<RunResult> {
        self.usable()?;
        let runtime = self.runtime_or_own(runtime)?;
        self.noted(self.interpret_and_check(code, runtime, options, sink).await)
    }

    pub(super) fn runtime_or_own(&self, runtime: Option<&str>) -> Result<Runtime> {
        match runtime {
            Some(name) => Runtime::from_name(name),
            None => self.runtime().ok_or_else(|| Error::UnsupportedRuntime { runtime: "none".to_owned() }),
        }
    }

    async fn interpret_and_check(
        &self,
        code: &str,
        runtime: Runtime,
        options: RunOptions,
        sink: Option<Sink>,
    ) -> Result<RunResult> {
        let mut result = self.interpret(code, runtime, &options, sink).await?;
        if !result.timed_out && !options.background && result.exit_code != 0 {
            self.refuse_syntax_error(code, runtime, &options, &result.complaint).await?;
        }
        result.runtime = Some(runtime);
        Ok(result)
    }

    /// Tries the names that the interpreter goes by.
    async fn interpret(
        &self,
        code: &str,
        runtime: Runtime,
        options: &RunOptions,
        sink: Option<Sink>,
    ) -> Result<RunResult> {
        let mut missing = None;
        for program in programs(runtime) {
            let (argv, options) = invocation(program, code, runtime, options)?;
            let wanted = Wanted { sink: sink.clone(), in_order: true };
            match self.run(argv, options, wanted).await {
                Err(Error::System { code: "ENOENT", syscall: "execve", .. }) => missing = Some(program),
                Ok(result) if is_missing(program, &result) => missing = Some(program),
                other => return other,
            }
        }
        let program = missing.map_or(runtime.name(), |program| *program);
        Err(Error::CannotRun {
            what: format!("image {:?} has no {program}: choose one that has", self.image()),
        })
    }

    /// Compiles code that failed with what looks like a syntax error, to know.
    async fn refuse_syntax_error(
        &self,
        code: &str,
        runtime: Runtime,
        options: &RunOptions,
        stderr: &[u8],
    ) -> Result<()> {
        let Some(message) = syntax::suspected(runtime, stderr) else { return Ok(()) };
        for program in programs(runtime) {
            let check = RunOptions {
                stdin: Some(Bytes::copy_from_slice(code.as_bytes())),
                env: options.env.clone(),
                user: options.user.clone(),
                cancel: options.cancel.clone(),
                ..RunOptions::default()
            };
            let argv = syntax::check(program, runtime);
            match self.run(argv, check, Wanted { sink: None, in_order: false }).await {
                Err(Error::System { code: "ENOENT", syscall: "execve", .. }) => {}
                Ok(result) if is_missing(program, &result) => {}
                Ok(result) if result.exit_code == syntax::REFUSED => return Err(Error::Syntax { message }),
                Ok(_) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

pub(super) fn programs(runtime: Runtime) -> &'static [&'static str] {
    match runtime {
        Runtime::Python => &["python3", "python"],
        Runtime::Node => &["node"],
    }
}

/// Over execs the shell reports a missing program by exit code.
fn is_missing(program: &str, result: &RunResult) -> bool {
    let told = || String::from_utf8_lossy(&result.stderr).contains(&format!("{program}: not found"));
    result.exit_code == NOT_FOUND && told()
}

fn invocation(
    program: &str,
    code: &str,
    runtime: Runtime,
    options: &RunOptions,
) -> Result<(Vec<String>, RunOptions)> {
    let mut options = options.clone();
    let mut argv = vec![program.to_owned()];
    match runtime {
        // Otherwise output into a pipe comes late, and not in the order in which it was written.
        Runtime::Python => {
            options.env.entry("PYTHONUNBUFFERED".to_owned()).or_insert_with(|| "1".to_owned());
        }
        // Node 20.10 to 20.18 needs to be told to look for module syntax; newer ones do so by themselves.
        Runtime::Node if syntax::may_be_module(code) => argv.push("--experimental-detect-module".to_owned()),
        Runtime::Node => {}
    }
    if code.len() <= MAX_ARGUMENT && !code.contains('\0') {
        match runtime {
            Runtime::Python => argv.extend(["-c".to_owned(), code.to_owned()]),
            Runtime::Node if code.is_empty() => argv.extend(["-e".to_owned(), String::new()]),
            // In a word of its own, code that begins with a dash would be taken for an option.
            Runtime::Node => argv.push(format!("--eval={code}")),
        }
        return Ok((argv, options));
    }
    if options.stdin.is_some() {
        let problem = format!(
            "cannot be given together with {} bytes of code, which take up stdin: write the code to a file, and \
             run that by runCommand",
            code.len()
        );
        return Err(Error::InvalidConfig { path: "options.stdin".to_owned(), problem });
    }
    argv.push("-".to_owned());
    options.stdin = Some(Bytes::copy_from_slice(code.as_bytes()));
    Ok((argv, options))
}
