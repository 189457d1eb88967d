//! The conformance suite against the server that listens on a socket: `conformance PATH`. Prints a
//! line per case; fails if one differs.

use std::process::ExitCode;
use xen_hypercall::{DomId, Port};
use xenstored::conformance;
use xenstored::user::{ProcessRuntime, Stream};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: conformance SOCKET");
        return ExitCode::from(2);
    };
    let stream = match Stream::connect(path.as_ref()) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    let process = ProcessRuntime::new(&stream);
    let report =
        conformance::run(&process, stream, Port(0), DomId(0), |name, result| match result {
            Ok(()) => println!("ok      {name}"),
            Err(failure) => println!("DIFFERS {name}: {failure}"),
        });
    println!("{report}");
    ExitCode::from(u8::from(report.failed > 0))
}
