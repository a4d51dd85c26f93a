//! `.dockerignore`, as Docker reads it: patterns from the context's root, the last one that matches a path or a folder
//! above it decides, `!` takes back.

use glob::{MatchOptions, Pattern};

const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    patterns: Vec<Pattern>,
    keeps: bool,
}

impl Ignore {
    /// A line that is no pattern is told.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(rule);
        Ok(Self(rules.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()))
    }

    /// `path` is relative, with `/` between its parts.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let matched = |rule: &&Rule| rule.matches(path);
        self.0.iter().rev().find(matched).is_some_and(|rule| !rule.keeps)
    }

    /// Whether something in a folder that is left out may be kept again.
    pub(super) fn has_exceptions(&self) -> bool {
        self.0.iter().any(|rule| rule.keeps)
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.map(|end| &path[..end])
            .any(|path| self.patterns.iter().any(|pattern| pattern.matches_with(path, MATCHING)))
    }
}

/// `None` for a line that means nothing, such as `/`.
fn rule(line: &str) -> Result<Option<Rule>, String> {
    let (keeps, pattern) = match line.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, line),
    };
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let compile = |pattern: &str| Pattern::new(pattern).map_err(|error| format!("{line:?}: {error}"));
    let path = unescaped(&parts.join("/"));
    let mut patterns = vec![compile(&path)?];
    // To Docker `a/**` is what is in `a`; the library wants a name after it.
    if path.ends_with("/**") {
        patterns.push(compile(&format!("{path}/*"))?);
    }
    Ok(Some(Rule { patterns, keeps }))
}

/// Docker escapes with a backslash, the library with brackets.
fn unescaped(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => chars.next().iter().for_each(|c| out.push_str(&Pattern::escape(&c.to_string()))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_decide_as_dockers_do() {
        for (text, path, left_out) in [
            ("node_modules", "node_modules/a/b.js", true),
            ("node_modules", "sub/node_modules/a", false),
            ("**/node_modules", "sub/node_modules/a", true),
            ("**/node_modules", "node_modules/a", true),
            ("/dist/", "dist/x", true),
            ("*.log", "a.log", true),
            ("*.log", "sub/a.log", false),
            ("**/*.log", "sub/deep/a.log", true),
            ("*/temp*", "sub/temporary.txt", true),
            ("*/*/temp*", "sub/temporary.txt", false),
            ("te?p", "temp", true),
            ("te?p", "te/p", false),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "CHANGES.md", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("secret\n!secret/public", "secret/public/a", false),
            ("secret\n!secret/public", "secret/private", true),
            ("# a comment\n\n  .git  ", ".git/config", true),
            ("a/**", "a/b/c", true),
            (".env*", ".env.local", true),
            ("\\*.txt", "*.txt", true),
            ("\\*.txt", "a.txt", false),
            ("/", "a", false),
            ("*", "a/b", true),
        ] {
            assert_eq!(Ignore::parse(text).unwrap().leaves_out(path), left_out, "{text:?} {path:?}");
        }
        assert!(Ignore::parse("[a").unwrap_err().contains("[a"));
    }
}
