//! Our server behind a socket: `xenstored DIRECTORY` listens on `DIRECTORY/socket`, as Xen's own
//! does for `XENSTORED_RUNDIR`.

use std::path::PathBuf;
use xenstored::server::{NoDomains, Server};
use xenstored::user::Daemon;

fn main() -> std::io::Result<()> {
    let directory =
        PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "/var/run/xenstored".into()));
    std::fs::create_dir_all(&directory)?;
    let mut daemon = Daemon::bind(directory.join("socket"), Server::new(), Box::new(NoDomains))?;
    loop {
        daemon.serve(None)?;
    }
}
