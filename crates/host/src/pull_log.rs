//! `streamLogs` while an image is pulled: on a terminal one line per layer that is kept up to date, elsewhere a line
//! per layer and change of its status.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::docker::PullProgress;

/// One pull's log, if it has any.
#[derive(Debug)]
pub(crate) enum PullLog {
    Off,
    Lines(Lines),
    Bars(Bars),
}

impl PullLog {
    pub(crate) fn off() -> Self {
        Self::Off
    }

    /// On this process's stderr.
    pub(crate) fn on_stderr(image: &str) -> Self {
        match std::io::stderr().is_terminal() {
            true => Self::Bars(Bars::new(image, ProgressDrawTarget::stderr())),
            false => Self::Lines(Lines { prefix: format!("[pull {image}] "), last: HashMap::new() }),
        }
    }

    pub(crate) fn write(&mut self, progress: &PullProgress) {
        match self {
            Self::Off => {}
            Self::Lines(lines) => {
                if let Some(line) = lines.line(progress) {
                    // Few short lines, from a callback that cannot wait; a host without stderr goes without them.
                    _ = std::io::stderr().write_all(line.as_bytes());
                }
            }
            Self::Bars(bars) => bars.show(progress),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Lines {
    prefix: String,
    last: HashMap<String, String>,
}

impl Lines {
    /// `None` where only the count of bytes is new.
    fn line(&mut self, progress: &PullProgress) -> Option<String> {
        let id = progress.id.clone().unwrap_or_default();
        if self.last.get(&id) == Some(&progress.status) {
            return None;
        }
        self.last.insert(id.clone(), progress.status.clone());
        let layer = if id.is_empty() { String::new() } else { format!("{id}: ") };
        Some(format!("{}{layer}{}\n", self.prefix, progress.status))
    }
}

#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    image: String,
    layers: HashMap<String, ProgressBar>,
}

impl Bars {
    fn new(image: &str, target: ProgressDrawTarget) -> Self {
        let all = MultiProgress::with_draw_target(target);
        Self { all, image: image.to_owned(), layers: HashMap::new() }
    }

    fn show(&mut self, progress: &PullProgress) {
        // What has no id is about the image, and `Pulling from …` brings its tag as one.
        let id =
            progress.id.clone().filter(|_| !progress.status.starts_with("Pulling from")).unwrap_or_default();
        let prefix = if id.is_empty() { format!("[pull {}]", self.image) } else { format!("  {id}:") };
        let bar = self.layers.entry(id).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length());
            let plain = ProgressStyle::with_template("{prefix} {wide_msg}");
            bar.set_style(plain.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(prefix);
            bar
        });
        bar.set_message(message(progress));
    }
}

/// The lines stay where they are.
impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.layers.values() {
            bar.abandon();
        }
    }
}

fn message(progress: &PullProgress) -> String {
    let PullProgress { status, current, total, .. } = progress;
    match (current, total) {
        (Some(current), Some(total)) if *total > 0 => {
            format!("{status} {} of {}", HumanBytes(*current), HumanBytes(*total))
        }
        (Some(current), None) if *current > 0 => format!("{status} {}", HumanBytes(*current)),
        _ => status.clone(),
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike};

    use super::*;

    fn progress(id: &str, status: &str, bytes: Option<(u64, u64)>) -> PullProgress {
        PullProgress {
            status: status.to_owned(),
            id: (!id.is_empty()).then(|| id.to_owned()),
            current: bytes.map(|(current, _)| current),
            total: bytes.map(|(_, total)| total),
        }
    }

    fn a_pull() -> Vec<PullProgress> {
        vec![
            progress("3", "Pulling from library/python", None),
            progress("aa", "Downloading", Some((512, 1_048_576))),
            progress("bb", "Pulling fs layer", None),
            progress("aa", "Downloading", Some((1_048_576, 1_048_576))),
            progress("aa", "Pull complete", None),
            progress("bb", "Pull complete", None),
            progress("", "Status: Downloaded", None),
        ]
    }

    #[test]
    fn a_layer_gets_a_line_per_change_of_its_status() {
        let mut lines = Lines { prefix: "[pull i] ".to_owned(), last: HashMap::new() };
        let told: Vec<String> = a_pull().iter().filter_map(|progress| lines.line(progress)).collect();
        let expected = "[pull i] 3: Pulling from library/python\n[pull i] aa: Downloading\n\
                        [pull i] bb: Pulling fs layer\n[pull i] aa: Pull complete\n[pull i] bb: Pull complete\n\
                        [pull i] Status: Downloaded\n";
        assert_eq!(told.concat(), expected);
    }

    #[test]
    fn on_a_terminal_a_layer_keeps_its_one_line() {
        let terminal = InMemoryTerm::new(20, 60);
        let copy: Box<dyn TermLike> = Box::new(terminal.clone());
        let mut bars = Bars::new("i", ProgressDrawTarget::term_like(copy));
        a_pull()[..3].iter().for_each(|progress| bars.show(progress));
        bars.layers.values().for_each(ProgressBar::tick);
        assert!(terminal.contents().contains("aa: Downloading 512 B of 1.00 MiB"), "{}", terminal.contents());
        a_pull()[3..].iter().for_each(|progress| bars.show(progress));
        drop(bars);
        assert_eq!(
            terminal.contents(),
            "[pull i] Status: Downloaded\n  aa: Pull complete\n  bb: Pull complete"
        );
    }
}
