//! Words for `/bin/sh`.

use std::fmt::Write as _;

/// `command` is shell text as it is; each of `args` is one word.
pub(super) fn command_line(command: &str, args: &[String]) -> String {
    args.iter().fold(command.to_owned(), |mut line, arg| {
        line.push(' ');
        quote(arg, &mut line);
        line
    })
}

/// In single quotes nothing is special but the quote itself.
fn quote(word: &str, out: &mut String) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        out.push_str(word);
    } else {
        _ = write!(out, "'{}'", word.replace('\'', r"'\''"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_are_words_and_the_command_is_text() {
        let line =
            |args: &[&str]| command_line("sh -c", &args.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&[]), "sh -c");
        assert_eq!(line(&["-lc", "echo Hello"]), "sh -c -lc 'echo Hello'");
        assert_eq!(line(&["", "$(x)", "it's", "a;b", "~"]), r"sh -c '' '$(x)' 'it'\''s' 'a;b' '~'");
    }
}
