//! Progress for the user: bars and spinners on a terminal, plain lines elsewhere.

use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

static BARS: LazyLock<MultiProgress> = LazyLock::new(|| {
    let bars = MultiProgress::new();
    if !is_terminal() {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    bars
});

pub(crate) fn is_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Prints one line above all bars.
pub(crate) fn line(text: impl AsRef<str>) {
    BARS.suspend(|| {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        // A closed pipe is the reader's choice, not an error of the run.
        let _ = writeln!(out, "{}", text.as_ref());
    });
}

/// Returns a bar of `total` bytes; where there is no terminal, its title is printed once.
pub(crate) fn bytes(title: &str, total: u64) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template(
        "{spinner} {prefix:32} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}",
    ) {
        bar.set_style(style.progress_chars("=> "));
    }
    started(&bar, &format!("{title} ({} MB)", total / 1_000_000), title);
    bar
}

/// Returns a spinner with elapsed time; where there is no terminal, its title is printed once.
pub(crate) fn spinner(title: &str) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    started(&bar, title, title);
    bar
}

/// Returns lines that are redrawn below all others; hidden without a terminal.
pub(crate) fn board(title: &str) -> ProgressBar {
    let board = BARS.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{prefix}\n{msg}") {
        board.set_style(style);
    }
    board.set_prefix(title.to_owned());
    board
}

fn started(bar: &ProgressBar, plain: &str, title: &str) {
    bar.set_prefix(title.to_owned());
    if is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(120));
    } else {
        line(plain);
    }
}

/// Wraps text in an ANSI style where the output is a terminal.
pub(crate) fn style(code: &str, text: &str) -> String {
    if is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

pub(crate) fn dim(text: &str) -> String {
    style("2", text)
}

pub(crate) fn green(text: &str) -> String {
    style("32", text)
}

pub(crate) fn red(text: &str) -> String {
    style("31;1", text)
}
