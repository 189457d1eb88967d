//! The commands: one table, from which lines are parsed and the help is written.

use crate::args::{Args, Cidr, Problem};
use crate::parse::{QuoteError, words};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says what each is and takes")]
pub enum Command {
    Info,
    Mem,
    XsLs {
        path: String,
        recursive: bool,
    },
    XsRead {
        path: String,
    },
    XsWrite {
        path: String,
        value: String,
    },
    XsRm {
        path: String,
    },
    XsWatch {
        path: String,
        time: Duration,
    },
    BlkList,
    /// Without a range it is the whole disk.
    BlkSha256 {
        device: String,
        range: Option<(u64, u64)>,
    },
    BlkFill {
        device: String,
        offset: u64,
        len: u64,
        byte: u8,
    },
    BlkCopy {
        device: String,
        src: u64,
        dst: u64,
        len: u64,
    },
    BlkFlush {
        device: String,
    },
    BlkDiscard {
        secure: bool,
        device: String,
        offset: u64,
        len: u64,
    },
    ConsoleWrite {
        number: u32,
        text: String,
    },
    NetUp {
        device: String,
        cidr: Cidr,
        queues: u16,
        headroom: u16,
    },
    /// Without queues there is no hash.
    NetHash {
        device: String,
        queues: Vec<u16>,
    },
    NetStatic {
        device: String,
        enabled: bool,
    },
    NetMulticast {
        device: String,
        filtered: bool,
    },
    NetStat,
    Ping {
        address: IpAddr,
        count: u32,
    },
    TcpEcho {
        address: IpAddr,
        port: u16,
        bytes: u64,
        connections: u16,
    },
    TcpServe {
        port: u16,
        connections: u32,
    },
    Sleep {
        time: Duration,
    },
    Cpus,
    /// Without a time it prints the time of day.
    Date {
        set: Option<u64>,
    },
    Uptime,
    Top,
    /// Zero stops it.
    Watchdog {
        time: Duration,
    },
    Hang,
    Help,
    Poweroff,
    Reboot,
    SoftReset,
    /// With a disk and an offset, a dump is written there first.
    Crash {
        dump: Option<(String, u64)>,
    },
}

/// A row of the table.
pub struct Spec {
    /// The command's name, of one or two words.
    pub name: &'static str,
    /// Arguments.
    pub arguments: &'static str,
    /// Description.
    pub about: &'static str,
    parse: fn(&mut Args<'_>) -> Result<Command, Problem>,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The usage.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if !self.arguments.is_empty() {
            write!(f, " {}", self.arguments)?;
        }
        Ok(())
    }
}

/// The most connections of `tcp-echo`, each with its buffers.
const MAX_CONNECTIONS: u64 = 32;

const fn spec(
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    parse: fn(&mut Args<'_>) -> Result<Command, Problem>,
) -> Spec {
    Spec { name, arguments, about, parse }
}

/// All commands.
pub static COMMANDS: [Spec; 34] = [
    spec("info", "", "Xen, this domain, its memory and its clock", |_| Ok(Command::Info)),
    spec("mem", "", "the memory, its target and its limits", |_| Ok(Command::Mem)),
    spec("xs ls", "[-r] PATH", "lists nodes; -r with values and all below", |args| {
        let recursive = args.flag("-r");
        Ok(Command::XsLs { path: args.text("PATH")?, recursive })
    }),
    spec("xs read", "PATH", "prints a node's value", |args| {
        Ok(Command::XsRead { path: args.text("PATH")? })
    }),
    spec("xs write", "PATH VALUE", "sets a node's value", |args| {
        Ok(Command::XsWrite { path: args.text("PATH")?, value: args.text("VALUE")? })
    }),
    spec("xs rm", "PATH", "removes a node and all below", |args| {
        Ok(Command::XsRm { path: args.text("PATH")? })
    }),
    spec(
        "xs watch",
        "PATH SECONDS",
        "prints changes; the first line says that it watches",
        |args| {
            Ok(Command::XsWatch {
                path: args.text("PATH")?,
                time: Duration::from_secs(seconds(args)?.into()),
            })
        },
    ),
    spec("blk list", "", "lists the disks", |_| Ok(Command::BlkList)),
    spec("blk sha256", "DEV [OFFSET LEN]", "prints the digest of a disk, or of a part", |args| {
        let device = args.text("DEV")?;
        let range = if args.is_empty() {
            None
        } else {
            Some((args.sectors("OFFSET")?, args.sectors("LEN")?))
        };
        Ok(Command::BlkSha256 { device, range })
    }),
    spec("blk fill", "DEV OFFSET LEN BYTE", "writes one byte's value all over a part", |args| {
        Ok(Command::BlkFill {
            device: args.text("DEV")?,
            offset: args.sectors("OFFSET")?,
            len: args.sectors("LEN")?,
            byte: args.number("BYTE", "0 to 255", |_| true)?,
        })
    }),
    spec("blk copy", "DEV SRC DST LEN", "copies a part; the two may overlap", |args| {
        Ok(Command::BlkCopy {
            device: args.text("DEV")?,
            src: args.sectors("SRC")?,
            dst: args.sectors("DST")?,
            len: args.sectors("LEN")?,
        })
    }),
    spec("blk flush", "DEV", "waits until all that was written is safe", |args| {
        Ok(Command::BlkFlush { device: args.text("DEV")? })
    }),
    spec(
        "blk discard",
        "[-s] DEV OFFSET LEN",
        "frees a part, whose content is then undefined; -s erases it",
        |args| {
            Ok(Command::BlkDiscard {
                secure: args.flag("-s"),
                device: args.text("DEV")?,
                offset: args.sectors("OFFSET")?,
                len: args.sectors("LEN")?,
            })
        },
    ),
    spec("console write", "NUMBER TEXT", "writes a line to a secondary console", |args| {
        let number = args.number("NUMBER", "a number below 2^32", |_| true)?;
        Ok(Command::ConsoleWrite { number, text: args.text("TEXT")? })
    }),
    spec(
        "net up",
        "IF ADDR/PREFIX [QUEUES [HEADROOM]]",
        "gives an interface its address, of IPv4 or IPv6",
        |args| {
            let (device, cidr) = (args.text("IF")?, args.cidr("ADDR/PREFIX")?);
            let queues = if args.is_empty() { 1 } else { queue(args, "QUEUES", 1)? };
            let headroom = if args.is_empty() {
                0
            } else {
                args.number("HEADROOM", "0 to 256", |number| number <= 256)?
            };
            Ok(Command::NetUp { device, cidr, queues, headroom })
        },
    ),
    spec("net hash", "IF [QUEUE ...]", "maps packets to queues by their hash, or not", |args| {
        let (device, mut queues) = (args.text("IF")?, Vec::new());
        while !args.is_empty() {
            queues.push(queue(args, "QUEUE", 0)?);
        }
        Ok(Command::NetHash { device, queues })
    }),
    spec("net static", "IF on|off", "has the backend keep the buffers mapped, or not", |args| {
        let device = args.text("IF")?;
        let enabled = args.flag("on");
        if !enabled && !args.flag("off") {
            let found = args.text("on|off")?;
            return Err(Problem::Bad { argument: "on|off", found, expected: "on or off" });
        }
        Ok(Command::NetStatic { device, enabled })
    }),
    spec(
        "net multicast",
        "IF filtered|all",
        "receives the multicast groups of the address only, or all",
        |args| {
            let device = args.text("IF")?;
            let filtered = args.flag("filtered");
            if !filtered && !args.flag("all") {
                let (argument, found) = ("filtered|all", args.text("filtered|all")?);
                return Err(Problem::Bad { argument, found, expected: "filtered or all" });
            }
            Ok(Command::NetMulticast { device, filtered })
        },
    ),
    spec("net stat", "", "prints the counters of all interfaces", |_| Ok(Command::NetStat)),
    spec("ping", "ADDR COUNT", "sends echo requests, waits 1 s at most for each reply", |args| {
        Ok(Command::Ping { address: args.address("ADDR")?, count: count(args, "COUNT")? })
    }),
    spec(
        "tcp-echo",
        "ADDR PORT BYTES [CONNECTIONS]",
        "sends noise to an echo server and checks what comes back",
        |args| {
            let (address, port) = (args.address("ADDR")?, port(args)?);
            let bytes = args.number("BYTES", "a number", |_| true)?;
            let is_count = |count| (1..=MAX_CONNECTIONS).contains(&count);
            let connections = match args.is_empty() {
                true => 1,
                false => args.number("CONNECTIONS", "1 to 32", is_count)?,
            };
            Ok(Command::TcpEcho { address, port, bytes, connections })
        },
    ),
    spec("tcp-serve", "PORT CONNECTIONS", "is an echo server for so many connections", |args| {
        Ok(Command::TcpServe { port: port(args)?, connections: count(args, "CONNECTIONS")? })
    }),
    spec("sleep", "MS", "waits", |args| {
        let millis = args.number::<u32>("MS", "a number of milliseconds below 2^32", |_| true)?;
        Ok(Command::Sleep { time: Duration::from_millis(millis.into()) })
    }),
    spec("cpus", "", "lists the vCPUs, up or down", |_| Ok(Command::Cpus)),
    spec("date", "[SECONDS]", "prints the time of day, or sets it in dom0", |args| {
        let set = if args.is_empty() {
            None
        } else {
            Some(args.number("SECONDS", "seconds since 1970", |_| true)?)
        };
        Ok(Command::Date { set })
    }),
    spec("uptime", "", "prints the time since the start of the shell", |_| Ok(Command::Uptime)),
    spec("top", "", "prints how long each vCPU has run, slept, and was not run", |_| {
        Ok(Command::Top)
    }),
    spec(
        "watchdog",
        "SECONDS",
        "has Xen end the domain if the shell hangs; 0: no longer",
        |args| Ok(Command::Watchdog { time: Duration::from_secs(seconds(args)?.into()) }),
    ),
    spec("hang", "", "hangs", |_| Ok(Command::Hang)),
    spec("help", "", "prints this", |_| Ok(Command::Help)),
    spec("poweroff", "", "ends the domain", |_| Ok(Command::Poweroff)),
    spec("reboot", "", "ends the domain and asks for a new start", |_| Ok(Command::Reboot)),
    spec("soft-reset", "", "gets new event channels, grants and devices (HVM)", |_| {
        Ok(Command::SoftReset)
    }),
    spec("crash", "[DEV OFFSET]", "makes a mistake; with DEV, writes a dump there first", |args| {
        let device = if args.is_empty() { None } else { Some(args.text("DEV")?) };
        let dump = device.map(|device| Ok((device, args.sectors("OFFSET")?))).transpose()?;
        Ok(Command::Crash { dump })
    }),
];

fn port(args: &mut Args<'_>) -> Result<u16, Problem> {
    args.number("PORT", "1 to 65535", |number| number != 0)
}

/// Takes the number of a queue, or of queues: eight numbers from `first` on.
fn queue(args: &mut Args<'_>, argument: &'static str, first: u64) -> Result<u16, Problem> {
    let expected = if first == 0 { "0 to 7" } else { "1 to 8" };
    args.number(argument, expected, |number| (first..first + 8).contains(&number))
}

fn seconds(args: &mut Args<'_>) -> Result<u32, Problem> {
    args.number("SECONDS", "a number of seconds below 2^32", |_| true)
}

fn count(args: &mut Args<'_>, argument: &'static str) -> Result<u32, Problem> {
    args.number(argument, "a number from 1 to 2^32 - 1", |number| number != 0)
}

/// Error of a line that is no command.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ParseError {
    /// The line does not split into words.
    #[error(transparent)]
    Quote(QuoteError),
    /// An unknown command.
    #[error("found '{found}', expected {}", expected_command(.found))]
    Unknown {
        /// The words that should have been its name.
        found: String,
    },
    /// An argument is wrong.
    #[error("{problem} (usage: {spec})")]
    Argument {
        /// The command.
        spec: &'static Spec,
        /// Error in the arguments.
        problem: Problem,
    },
}

/// Returns the commands of the group that was found.
fn expected_command(found: &str) -> String {
    let is_of_group = |name: &&str| {
        name.split_once(' ').is_some_and(|(group, _)| found.split(' ').next() == Some(group))
    };
    let names: Vec<_> = COMMANDS.iter().map(|spec| spec.name).filter(is_of_group).collect();
    if names.is_empty() { "a command: 'help' lists them".to_owned() } else { names.join(", ") }
}

impl Command {
    /// Parses a line. `None` if there is nothing on it.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what was found and what was expected.
    pub fn parse(line: &str) -> Result<Option<Self>, ParseError> {
        let words = words(line).map_err(ParseError::Quote)?;
        let Some(first) = words.first() else { return Ok(None) };
        let named = |spec: &&Spec| {
            let mut name = spec.name.split(' ');
            name.by_ref().zip(&words).all(|(name, word)| name == word)
                && words.len() >= spec.words()
        };
        let Some(spec) = COMMANDS.iter().find(named) else {
            let group = COMMANDS
                .iter()
                .any(|spec| spec.words() == 2 && spec.name.split(' ').next() == Some(first));
            let found = if group { words[..words.len().min(2)].join(" ") } else { first.clone() };
            return Err(ParseError::Unknown { found });
        };
        let mut args = Args::new(&words[spec.words()..]);
        let parsed = (spec.parse)(&mut args).and_then(|command| args.end().map(|()| command));
        parsed.map(Some).map_err(|problem| ParseError::Argument { spec, problem })
    }
}

impl Spec {
    fn words(&self) -> usize {
        self.name.split(' ').count()
    }
}

/// Prints the table.
///
/// # Errors
///
/// What `out` answers.
pub fn help(out: &mut impl fmt::Write) -> fmt::Result {
    for spec in &COMMANDS {
        let usage = alloc::format!("{spec}");
        writeln!(out, "{usage:<31} {}", spec.about)?;
    }
    writeln!(
        out,
        "Numbers are decimal or 0x...; paths without a / in front are below the domain's own."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    fn parse(line: &str) -> Command {
        Command::parse(line).unwrap().unwrap()
    }

    fn complaint(line: &str) -> String {
        Command::parse(line).unwrap_err().to_string()
    }

    #[test]
    fn the_commands_of_the_demonstration_parse() {
        assert_eq!(parse("info"), Command::Info);
        assert_eq!(parse("mem"), Command::Mem);
        assert_eq!(
            parse("xs ls -r device"),
            Command::XsLs { path: "device".into(), recursive: true }
        );
        assert_eq!(
            parse("xs write data/x 'hello world'"),
            Command::XsWrite { path: "data/x".into(), value: "hello world".into() }
        );
        assert_eq!(
            parse("blk sha256 xvda"),
            Command::BlkSha256 { device: "xvda".into(), range: None }
        );
        assert_eq!(
            parse("blk sha256 xvda 512 4096"),
            Command::BlkSha256 { device: "xvda".into(), range: Some((512, 4096)) }
        );
        assert_eq!(
            parse("blk fill xvda 0 4096 170"),
            Command::BlkFill { device: "xvda".into(), offset: 0, len: 4096, byte: 170 }
        );
        assert_eq!(
            parse("blk discard -s xvda 512 4096"),
            Command::BlkDiscard { secure: true, device: "xvda".into(), offset: 512, len: 4096 }
        );
        assert_eq!(
            parse("net up eth0 10.0.0.2/24"),
            Command::NetUp {
                device: "eth0".into(),
                cidr: Cidr { address: [10, 0, 0, 2].into(), prefix: 24 },
                queues: 1,
                headroom: 0
            }
        );
        let Command::NetUp { queues: 4, headroom: 99, .. } = parse("net up eth0 fd00::2/64 4 99")
        else {
            panic!("four queues, and 99 free bytes")
        };
        let hash =
            |queues: &[u16]| Command::NetHash { device: "eth0".into(), queues: queues.into() };
        assert_eq!(parse("net hash eth0 3 0 3"), hash(&[3, 0, 3]));
        assert_eq!(parse("net hash eth0"), hash(&[]));
        assert_eq!(
            parse("tcp-echo 10.0.0.1 7 4194304"),
            Command::TcpEcho {
                address: [10, 0, 0, 1].into(),
                port: 7,
                bytes: 4_194_304,
                connections: 1
            }
        );
        assert_eq!(
            parse("console write 1 'a line'"),
            Command::ConsoleWrite { number: 1, text: "a line".into() }
        );
        assert_eq!(parse("date"), Command::Date { set: None });
        assert_eq!(parse("date 1900000000"), Command::Date { set: Some(1_900_000_000) });
        assert_eq!(parse("watchdog 30"), Command::Watchdog { time: Duration::from_secs(30) });
        assert_eq!(parse("sleep 250"), Command::Sleep { time: Duration::from_millis(250) });
        assert_eq!(Command::parse("  ").unwrap(), None);
    }

    #[test]
    fn wrong_line_gets_one_error() {
        let expected = [
            ("frobnicate", "found 'frobnicate', expected a command: 'help' lists them"),
            ("xs", "found 'xs', expected xs ls, xs read, xs write, xs rm, xs watch"),
            (
                "net down eth0",
                "found 'net down', expected net up, net hash, net static, net multicast, net stat",
            ),
            (
                "net multicast eth0 none",
                "found 'none' for filtered|all, expected filtered or all (usage: net multicast \
                 IF filtered|all)",
            ),
            (
                "net static eth0 no",
                "found 'no' for on|off, expected on or off (usage: net static IF on|off)",
            ),
            ("net static eth0", "on|off is missing (usage: net static IF on|off)"),
            (
                "net hash eth0 8",
                "found '8' for QUEUE, expected 0 to 7 (usage: net hash IF [QUEUE ...])",
            ),
            ("xs ls", "PATH is missing (usage: xs ls [-r] PATH)"),
            (
                "blk fill xvda 1 512 0",
                "found '1' for OFFSET, expected a multiple of 512 \
                 (usage: blk fill DEV OFFSET LEN BYTE)",
            ),
            ("blk sha256 xvda 0", "LEN is missing (usage: blk sha256 DEV [OFFSET LEN])"),
            (
                "blk fill xvda 0 512 256",
                "found '256' for BYTE, expected 0 to 255 (usage: blk fill DEV OFFSET LEN BYTE)",
            ),
            ("info now", "found 'now', expected no more arguments (usage: info)"),
            (
                "ping 10.0.0.1 0",
                "found '0' for COUNT, expected a number from 1 to 2^32 - 1 \
                 (usage: ping ADDR COUNT)",
            ),
            ("xs read 'a", "found ' at byte 8 without its end, expected another '"),
        ];
        for (line, text) in expected {
            assert_eq!(complaint(line), text, "{line}");
        }
    }

    #[test]
    fn help_lists_each_command() {
        let mut text = String::new();
        help(&mut text).unwrap();
        for spec in &COMMANDS {
            assert!(
                text.lines()
                    .any(|line| line.starts_with(&spec.to_string()) && line.ends_with(spec.about))
            );
        }
        assert!(text.lines().all(|line| line.len() <= 100));
    }

    proptest! {
        #[test]
        fn any_line_parses_without_panic(line in "(xs|blk|net|ping|tcp-echo|\\PC*) \\PC*") {
            if let Err(error) = Command::parse(&line) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
