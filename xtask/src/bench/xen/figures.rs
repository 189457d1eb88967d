//! The figures of one guest: the times that it prints, and the counts of the plugin.

use std::collections::BTreeMap;
use std::io::BufRead;

use anyhow::{Context, Result, bail, ensure};

/// Marks of the plugin, as in `benches/xen/counts.c`.
const BEGIN: u64 = 0;
const END: u64 = 1;
const ENTRY: u64 = 2;

/// Name of the first read in what guests print.
const FIRST_READ: &str = "first-read";

/// Counts of instructions between two marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) xen_for_dom0: u64,
    pub(super) xen_for_guest: u64,
    pub(super) xen_for_driver_domain: u64,
    pub(super) xen_for_peer: u64,
    pub(super) dom0: u64,
    pub(super) guest: u64,
    pub(super) driver_domain: u64,
    pub(super) peer: u64,
    /// Number of times that Xen entered the guest.
    pub(super) exits: u64,
    /// Number of times that Xen entered the driver domain.
    pub(super) driver_domain_exits: u64,
    /// Events that the guest sent.
    pub(super) notifications: u64,
    /// Marks of handlers.
    pub(super) handlers: u64,
    /// Instructions from the first one of the guest after a halt to the mark of a handler.
    pub(super) until_handlers: u64,
}

/// A measured case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// Number of operations.
    pub(super) count: u64,
    /// Virtual time of all, in nanoseconds.
    pub(super) ns: u64,
    pub(super) counts: Counts,
}

impl Figure {
    pub(super) fn per_second(&self) -> f64 {
        self.count as f64 * 1e9 / self.ns as f64
    }

    /// Returns the instructions of Xen, for any domain.
    pub(super) fn xen(&self) -> u64 {
        let counts = &self.counts;
        let xen = counts.xen_for_dom0 + counts.xen_for_guest;
        xen + counts.xen_for_driver_domain + counts.xen_for_peer
    }

    /// Returns all instructions.
    pub(super) fn total(&self) -> u64 {
        let counts = &self.counts;
        self.xen() + counts.dom0 + counts.guest + counts.driver_domain + counts.peer
    }

    /// Returns the operations of both.
    pub(super) fn with(&self, other: &Figure) -> Figure {
        let (one, two) = (&self.counts, &other.counts);
        let counts = Counts {
            xen_for_dom0: one.xen_for_dom0 + two.xen_for_dom0,
            xen_for_guest: one.xen_for_guest + two.xen_for_guest,
            xen_for_driver_domain: one.xen_for_driver_domain + two.xen_for_driver_domain,
            xen_for_peer: one.xen_for_peer + two.xen_for_peer,
            dom0: one.dom0 + two.dom0,
            guest: one.guest + two.guest,
            driver_domain: one.driver_domain + two.driver_domain,
            peer: one.peer + two.peer,
            exits: one.exits + two.exits,
            driver_domain_exits: one.driver_domain_exits + two.driver_domain_exits,
            notifications: one.notifications + two.notifications,
            handlers: one.handlers + two.handlers,
            until_handlers: one.until_handlers + two.until_handlers,
        };
        Figure { count: self.count + other.count, ns: self.ns + other.ns, counts }
    }

    pub(super) fn milliseconds(&self) -> f64 {
        self.ns as f64 / 1e6
    }

    /// Returns a count for each operation.
    pub(super) fn each(&self, count: impl Fn(&Counts) -> u64) -> f64 {
        count(&self.counts) as f64 / self.count as f64
    }
}

/// All figures of one boot.
#[derive(Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) first_read: Figure,
    /// In the order in which the guest got its cases.
    pub(super) cases: Vec<Figure>,
}

/// Output of a guest.
#[derive(Debug, Default)]
pub(super) struct Printed {
    times: BTreeMap<String, (u64, u64)>,
    errors: Vec<String>,
    ended: bool,
    last: String,
}

impl Printed {
    /// Takes a line of the guest.
    pub(super) fn push_line(&mut self, line: &str) {
        let line = line.trim();
        if !line.is_empty() {
            line.clone_into(&mut self.last);
        }
        let Some((_, text)) = line.split_once("bench: ") else { return };
        if let Some(error) = text.strip_prefix("error ") {
            self.errors.push(error.to_owned());
        } else if text == "end" {
            self.ended = true;
        } else if let Some((name, count, ns)) = parse(text) {
            self.times.insert(name.to_owned(), (count, ns));
        }
    }

    /// Joins the times with the counts, of which there is one for the first read and one for each
    /// case. `names` are those of the cases.
    pub(super) fn join(&self, names: &[String], counts: &[Counts]) -> Result<Figures> {
        if let Some(error) = self.errors.first() {
            bail!("the guest failed: {error}");
        }
        let figure = |key: &str, name: &str, index: usize| {
            let time = self.times.get(key).filter(|(count, ns)| *count > 0 && *ns > 0);
            let &(count, ns) =
                time.with_context(|| format!("no figure of {name}; its last line: {}", self.last))?;
            let counts = counts.get(index).with_context(|| format!("no counts of {name}"))?;
            ensure!(counts.guest > 0, "the plugin saw no instruction of the guest in {name}");
            let handlers = counts.handlers;
            ensure!(
                [0, count].contains(&handlers),
                "found {handlers} handlers in {name}, expected {count}"
            );
            Ok(Figure { count, ns, counts: *counts })
        };
        let first_read = figure(FIRST_READ, FIRST_READ, 0)?;
        let cases = names.iter().enumerate();
        let cases: Result<Vec<_>> =
            cases.map(|(index, name)| figure(&index.to_string(), name, index + 1)).collect();
        let cases = cases?;
        ensure!(self.ended, "the guest did not end; its last line: {}", self.last);
        let expected = names.len() + 1;
        ensure!(counts.len() == expected, "found {} phases, expected {expected}", counts.len());
        Ok(Figures { first_read, cases })
    }
}

/// Parses `NAME count=N ns=N`.
fn parse(text: &str) -> Option<(&str, u64, u64)> {
    let mut words = text.split(' ');
    let name = words.next()?;
    let count = words.next()?.strip_prefix("count=")?.parse().ok()?;
    let ns = words.next()?.strip_prefix("ns=")?.parse().ok()?;
    Some((name, count, ns))
}

/// Reads the plugin's file: the counts of each phase that ended at an end mark. Notifications are
/// the calls of Xen's function `evtchn_send` for the guest; none are counted without its address.
pub(super) fn counts(file: impl BufRead, evtchn_send: Option<u64>) -> Result<Vec<Counts>> {
    let mut phases: Vec<Counts> = Vec::new();
    let (mut last, mut current) = (None, None);
    for line in file.lines() {
        let line = line.context("reading the counts")?;
        let wrong = || format!("in the counts of the plugin: {line}");
        let (kind, rest) = line.split_once(' ').with_context(wrong)?;
        match kind {
            "phase" => {
                let numbers = numbers(rest).with_context(wrong)?;
                let &[mark, ref owners @ ..] = numbers.as_slice() else { bail!(wrong()) };
                // Instructions of Xen for each owner, those of the owner, and its exits.
                let &[
                    [xen_for_dom0, xen_for_guest, xen_for_driver_domain, xen_for_peer],
                    [dom0, guest, driver_domain, peer],
                    [_, exits, driver_domain_exits, _],
                ] = owners.as_chunks().0
                else {
                    bail!(wrong());
                };
                ensure!(owners.len() == 12, wrong());
                let previous = last.replace(mark);
                current = None;
                if mark == END {
                    ensure!(
                        matches!(previous, Some(BEGIN | ENTRY)),
                        "a phase of the plugin ended that had not begun"
                    );
                    let counts = Counts {
                        xen_for_dom0,
                        xen_for_guest,
                        xen_for_driver_domain,
                        xen_for_peer,
                        dom0,
                        guest,
                        driver_domain,
                        peer,
                        exits,
                        driver_domain_exits,
                        ..Counts::default()
                    };
                    phases.push(counts);
                    current = phases.last_mut();
                }
            }
            "handlers" => {
                let &[handlers, instructions] = numbers(rest).with_context(wrong)?.as_slice()
                else {
                    bail!(wrong());
                };
                if let Some(phase) = current.as_mut() {
                    (phase.handlers, phase.until_handlers) = (handlers, instructions);
                }
            }
            "block" => {
                let (address, rest) = rest.split_once(' ').with_context(wrong)?;
                let address = u64::from_str_radix(address, 16).with_context(wrong)?;
                let &[.., for_guest, _, _] = numbers(rest).with_context(wrong)?.as_slice() else {
                    bail!(wrong());
                };
                if let Some(phase) = current.as_mut().filter(|_| Some(address) == evtchn_send) {
                    phase.notifications += for_guest;
                }
            }
            _ => bail!(wrong()),
        }
    }
    Ok(phases)
}

fn numbers(text: &str) -> Result<Vec<u64>> {
    text.split(' ').map(|word| Ok(word.parse()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "phase 2 9 9 9 9 9 9 9 9 9 9 9 9\n\
        phase 1 1 2 3 9 4 5 6 10 0 7 8 0\n\
        handlers 3 900\n\
        block ffff82d040001000 1 2 0 0 0 0 0 0 1 1 0 0\n\
        phase 0 8 8 8 8 8 8 8 8 8 8 8 8\n\
        phase 1 10 20 0 0 30 40 0 0 0 50 0 0\n\
        block ffff82d040001000 0 60 0 0 0 0 0 0 7 6 3 0\n\
        block ffff82d040001000 0 5 0 0 0 0 0 0 0 1 0 0\n\
        block ffff82d040002000 0 60 0 0 0 0 0 0 0 90 0 0\n\
        block 401000 0 0 0 0 0 40 0 0 0 0 0 0\n";

    fn read(text: &str) -> Result<Vec<Counts>> {
        counts(text.as_bytes(), Some(0xffff_82d0_4000_1000))
    }

    fn printed(lines: &[&str]) -> Printed {
        let mut printed = Printed::default();
        lines.iter().for_each(|line| printed.push_line(line));
        printed
    }

    #[test]
    fn ended_phases_are_counted() {
        let found = read(FILE).unwrap();
        let first = Counts {
            xen_for_dom0: 1,
            xen_for_guest: 2,
            xen_for_driver_domain: 3,
            dom0: 4,
            guest: 5,
            xen_for_peer: 9,
            driver_domain: 6,
            peer: 10,
            exits: 7,
            driver_domain_exits: 8,
            notifications: 1,
            handlers: 3,
            until_handlers: 900,
        };
        assert_eq!(found[0], first);
        assert_eq!((found[1].guest, found[1].exits, found[1].notifications), (40, 50, 7));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn broken_counts_are_an_error() {
        let letters = "phase 0 a b c d e f g h i j k l\n";
        let first = FILE.lines().nth(1).unwrap();
        for text in [first, "phase 0 1 2 3\n", letters, "handlers 1\n", "blok 1\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_and_counts_are_joined() {
        let lines = [
            "bench: first-read count=1 ns=50000000",
            "[  1.0] other",
            "bench: 0 count=500 ns=1000000\r",
            "bench: end",
        ];
        let names = ["block/x".to_owned()];
        let file = FILE.replace("handlers 3", "handlers 1");
        let figures = printed(&lines).join(&names, &read(&file).unwrap()).unwrap();
        assert_eq!(figures.first_read.milliseconds(), 50.0);
        let figure = figures.cases[0];
        assert_eq!((figure.per_second(), figure.each(|counts| counts.guest)), (500_000.0, 0.08));
    }

    #[test]
    fn missing_figure_is_an_error() {
        let all = ["bench: first-read count=1 ns=5", "bench: 0 count=5 ns=1", "bench: end"];
        let names = ["block/x".to_owned()];
        let counts = read(FILE).unwrap();
        let printed_all = printed(&all).join(&names, &counts).unwrap_err().to_string();
        assert!(printed_all.contains("found 3 handlers in first-read"), "{printed_all}");
        let counts = read(&FILE.replace("handlers 3", "handlers 0")).unwrap();
        let error =
            |lines: &[&str], counts| printed(lines).join(&names, counts).unwrap_err().to_string();
        assert!(error(&all[1..], &counts).contains("no figure of first-read"));
        assert!(error(&all[..1], &counts).contains("no figure of block/x"));
        assert!(error(&all[..2], &counts).contains("did not end"));
        assert!(error(&all, &counts[..1]).contains("no counts of block/x"));
        assert!(error(&["bench: error no disk"], &counts).contains("no disk"));
        let zero = ["bench: first-read count=1 ns=5", "bench: 0 count=5 ns=0", "bench: end"];
        assert!(error(&zero, &counts).contains("no figure of block/x"));
    }
}
