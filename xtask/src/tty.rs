//! The user's terminal as a guest's console.

use std::io::{self, IsTerminal};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::testbed::Terminal;

/// The user's terminal.
#[derive(Default)]
pub(crate) struct Tty {
    saved: Option<String>,
}

impl Terminal for Tty {
    fn enter(&mut self) -> Result<()> {
        if !io::stdin().is_terminal() {
            return Ok(());
        }
        let state = Command::new("stty")
            .arg("-g")
            .stdin(Stdio::inherit())
            .output()
            .context("starting stty")?;
        self.saved = Some(String::from_utf8_lossy(&state.stdout).trim().to_owned());
        let status =
            Command::new("stty").args(["raw", "-echo"]).status().context("starting stty")?;
        if !status.success() {
            bail!("stty raw: {status}");
        }
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(saved) = self.saved.take() {
            // Nothing better can be done if it fails.
            let _ = Command::new("stty").arg(saved).status();
        }
    }
}
