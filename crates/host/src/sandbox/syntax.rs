//! Is a failed program a real syntax error of its own? What it printed raises the suspicion, the interpreter's
//! compiler decides: a program may print "SyntaxError", or meet one at run time in other code.

use crate::config::Runtime;

/// Exit code of a check that found the code not to compile.
pub(super) const REFUSED: i32 = 3;

const PYTHON_CHECK: &str = "\
import sys
try:
    compile(sys.stdin.buffer.read(), '<string>', 'exec', dont_inherit=True)
except SyntaxError:
    sys.exit(3)
except ValueError:
    sys.exit(3)
";

/// Code compiles if it does so as a script, which is what `--eval` makes of it, or as a module.
const NODE_CHECK: &str = "\
const vm = require('node:vm');
const code = require('node:fs').readFileSync(0, 'utf8');
const compiles = (f) => { try { f(); return true; } catch { return false; } };
if (!compiles(() => new vm.Script(code)) && !compiles(() => new vm.SourceTextModule(code))) process.exit(3);
";

/// The interpreter's message line, if stderr looks as it does after a syntax error of the program.
pub(super) fn suspected(runtime: Runtime, stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let names: &[&str] = match runtime {
        Runtime::Python => &["SyntaxError", "IndentationError", "TabError"],
        Runtime::Node => &["SyntaxError"],
    };
    let is_message =
        |line: &&str| names.iter().any(|name| line.strip_prefix(name).is_some_and(starts_message));
    // Node prints the message before the stack, Python last; either way it is the last such line.
    text.lines().rfind(is_message).map(str::to_owned)
}

fn starts_message(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(':') || rest.starts_with(" [")
}

/// The command that compiles the code on its stdin.
pub(super) fn check(program: &str, runtime: Runtime) -> Vec<String> {
    let argv: &[&str] = match runtime {
        Runtime::Python => &[program, "-c", PYTHON_CHECK],
        Runtime::Node => &[program, "--experimental-vm-modules", "--no-warnings", "-e", NODE_CHECK],
    };
    argv.iter().map(|word| (*word).to_owned()).collect()
}

/// True for code with a word that could be module syntax. Wrong guesses cost nothing.
pub(super) fn may_be_module(code: &str) -> bool {
    ["import", "export", "await"].iter().any(|word| code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_line_is_the_interpreters_own() {
        let python = b"  File \"<string>\", line 1\n    if\n      ^\nSyntaxError: invalid syntax\n";
        assert_eq!(suspected(Runtime::Python, python).as_deref(), Some("SyntaxError: invalid syntax"));
        let node = b"[eval]:1\nlet a = ;\n\nSyntaxError: Unexpected token ';'\n    at x (y)\n\nNode.js v20\n";
        assert_eq!(suspected(Runtime::Node, node).as_deref(), Some("SyntaxError: Unexpected token ';'"));
        assert_eq!(suspected(Runtime::Python, b"ValueError: invalid syntax (SyntaxError)"), None);
        assert_eq!(suspected(Runtime::Python, b"SyntaxErrors happen"), None);
    }
}
