//! The suite's own client: it sends any bytes and checks every reply.

use core::fmt::{self, Write};
use core::panic::Location;
use core::time::Duration;
use heapless::{String, Vec};
use xen_hypercall::{DomId, Port};
use xen_store::Runtime;
use xen_store::connection::{ConnectionError, Transport};
use xen_store::wire::{
    HEADER_LEN, MessageType, XENSTORE_PAYLOAD_MAX, XsdSockmsg, decode, encode, parse_event,
};

/// Timeout of a reply.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Text of a failure; longer texts are cut.
pub(super) type Text = String<160>;

/// A failed case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the suite's source.
    pub line: u32,
    /// Expected reply or event.
    pub expected: Text,
    /// Reply or event found.
    pub found: Text,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: found {}, expected {}", self.line, self.found, self.expected)
    }
}

pub(super) type Check<T = ()> = Result<T, Failure>;

/// Puts a text together, and cuts what does not fit.
pub(super) fn text(what: fmt::Arguments<'_>) -> Text {
    struct Cut(Text);
    impl Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|c| self.0.push(c).map_err(|_| fmt::Error))
        }
    }
    let mut cut = Cut(Text::new());
    let _ = cut.write_fmt(what);
    cut.0
}

#[track_caller]
pub(super) fn differs(expected: impl fmt::Display, found: impl fmt::Display) -> Failure {
    let line = Location::caller().line();
    Failure {
        line,
        expected: text(format_args!("{expected}")),
        found: text(format_args!("{found}")),
    }
}

/// Shows bytes readably.
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > 80 {
            write!(f, "{} bytes beginning with ", self.0.len())?;
        }
        let start = self.0.get(..80).unwrap_or(self.0);
        write!(f, "\"{}\"", start.escape_ascii())
    }
}

/// A reply: its payload, or the name of the error.
pub(super) type Reply<'a> = Result<&'a [u8], &'a str>;

/// A watch that fired: path and token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) path: String<320>,
    pub(super) token: String<16>,
}

pub(super) struct Client<'h, H: Runtime, T: Transport> {
    host: &'h H,
    transport: T,
    port: Port,
    pub(super) domain: DomId,
    /// Directory of the running case.
    pub(super) base: String<32>,
    /// The transaction of the requests that follow.
    pub(super) tx: u32,
    last_id: u32,
    out: [u8; HEADER_LEN + XENSTORE_PAYLOAD_MAX],
    body: [u8; XENSTORE_PAYLOAD_MAX],
    events: Vec<Event, 24>,
    lost_events: bool,
    /// Cause of the connection's end, if it ended.
    pub(super) broken: Option<Broken>,
}

/// Error of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Connection(ConnectionError),
    #[error("no reply in time")]
    Timeout,
    #[error("a message of {0} bytes")]
    Oversized(u32),
}

impl<'h, H: Runtime, T: Transport> Client<'h, H, T> {
    pub(super) fn new(host: &'h H, transport: T, port: Port, domain: DomId) -> Self {
        let last_id = host.now().as_nanos() as u32;
        Self {
            host,
            transport,
            port,
            domain,
            base: String::new(),
            tx: 0,
            last_id,
            out: [0; HEADER_LEN + XENSTORE_PAYLOAD_MAX],
            body: [0; XENSTORE_PAYLOAD_MAX],
            events: Vec::new(),
            lost_events: false,
            broken: None,
        }
    }

    /// Connects again after something went wrong.
    pub(super) fn reconnect(&mut self) -> Result<(), Broken> {
        self.transport.reconnect().map_err(Broken::Connection)
    }

    /// Puts the number of the own domain for `#`.
    pub(super) fn own(&self, what: &str) -> Text {
        let (before, behind) = what.split_once('#').unwrap_or((what, ""));
        text(format_args!("{before}{}{behind}", self.domain.0))
    }

    /// Copies a payload to where it is sent from, with the case's directory for `$`, the domain's
    /// home for `~` and its number for `#`. Returns its length.
    fn fill(&mut self, pieces: &[&[u8]]) -> usize {
        let mut len = HEADER_LEN;
        let mut push = |bytes: &[u8]| {
            if let Some(room) = self.out.get_mut(len..len + bytes.len()) {
                room.copy_from_slice(bytes);
            }
            len += bytes.len();
        };
        let own = text(format_args!("{}", self.domain.0));
        for &byte in pieces.iter().flat_map(|piece| piece.iter()) {
            match byte {
                b'$' => push(self.base.as_bytes()),
                b'~' => [b"/local/domain/", own.as_bytes()].into_iter().for_each(&mut push),
                b'#' => push(own.as_bytes()),
                _ => push(&[byte]),
            }
        }
        len - HEADER_LEN
    }

    /// Sends a request and returns its number.
    pub(super) fn send(&mut self, kind: MessageType, pieces: &[&[u8]]) -> Result<u32, Broken> {
        let len = self.fill(pieces);
        self.last_id = self.last_id.wrapping_add(1);
        let header =
            XsdSockmsg { type_: kind, req_id: self.last_id, tx_id: self.tx, len: len as u32 };
        if let Some(head) = self.out.first_chunk_mut() {
            *head = encode(&header);
        }
        let (mut sent, end) = (0, (HEADER_LEN + len).min(self.out.len()));
        let deadline = self.host.now() + TIMEOUT;
        while sent < end {
            let rest = self.out.get(sent..end).unwrap_or_default();
            sent += self.transport.try_write(rest).map_err(Broken::Connection)?;
            self.transport.notify().map_err(Broken::Connection)?;
            if sent < end {
                self.pause(deadline)?;
            }
        }
        Ok(self.last_id)
    }

    fn pause(&mut self, deadline: xen_hypercall::Instant) -> Result<(), Broken> {
        let now = self.host.now();
        if now >= deadline {
            return Err(Broken::Timeout);
        }
        self.host.wait(
            self.port,
            deadline.min(now + Duration::from_millis(100)),
            self.host.progress(),
        );
        Ok(())
    }

    fn read_exact(&mut self, header: bool, len: usize) -> Result<[u8; HEADER_LEN], Broken> {
        let mut head = [0; HEADER_LEN];
        let mut got = 0;
        let deadline = self.host.now() + TIMEOUT;
        while got < len {
            let into = if header { head.get_mut(got..len) } else { self.body.get_mut(got..len) };
            let count =
                self.transport.try_read(into.unwrap_or_default()).map_err(Broken::Connection)?;
            self.transport.notify().map_err(Broken::Connection)?;
            got += count;
            if count == 0 {
                self.pause(deadline)?;
            }
        }
        Ok(head)
    }

    /// Receives the next reply; events that come before it are kept.
    pub(super) fn receive(&mut self) -> Result<(XsdSockmsg, usize), Broken> {
        loop {
            let head = self.read_exact(true, HEADER_LEN)?;
            let header = decode(&head).map_err(|error| Broken::Oversized(error.len))?;
            let len = header.len as usize;
            self.read_exact(false, len)?;
            if header.type_ != MessageType::WATCH_EVENT {
                return Ok((header, len));
            }
            let kept = parse_event(self.body.get(..len).unwrap_or_default()).and_then(|event| {
                let token = core::str::from_utf8(event.token).ok()?;
                let event = Event {
                    path: String::try_from(event.path).ok()?,
                    token: String::try_from(token).ok()?,
                };
                self.events.push(event).ok()
            });
            self.lost_events |= kept.is_none();
        }
    }

    pub(super) fn body(&self, len: usize) -> &[u8] {
        self.body.get(..len).unwrap_or_default()
    }

    /// Sends a request and returns the reply.
    #[track_caller]
    pub(super) fn ask(&mut self, kind: MessageType, pieces: &[&[u8]]) -> Check<Reply<'_>> {
        let tx = self.tx;
        let answer =
            self.send(kind, pieces).and_then(|id| self.receive().map(|answer| (id, answer)));
        self.broken = answer.err();
        let (id, (header, len)) = answer.map_err(|broken| differs("a reply", broken))?;
        if (header.req_id, header.tx_id) != (id, tx) {
            let found =
                text(format_args!("request {} in transaction {}", header.req_id, header.tx_id));
            return Err(differs(format_args!("request {id} in transaction {tx}"), found));
        }
        let body = self.body(len);
        if header.type_ == MessageType::ERROR {
            let name = body.strip_suffix(b"\0").unwrap_or(body);
            return Ok(Err(core::str::from_utf8(name).unwrap_or("?")));
        }
        if header.type_ != kind {
            return Err(differs(kind, header.type_));
        }
        Ok(Ok(body))
    }

    /// Sends a request that must succeed.
    #[track_caller]
    pub(super) fn ok(&mut self, kind: MessageType, payload: &[u8]) -> Check {
        self.done(kind, &[payload])
    }

    /// Sends a request that must succeed, with a payload in pieces.
    #[track_caller]
    pub(super) fn done(&mut self, kind: MessageType, pieces: &[&[u8]]) -> Check {
        self.ask(kind, pieces)?.map(drop).map_err(|name| differs("success", name))
    }

    /// Sends a request that must have this reply.
    #[track_caller]
    pub(super) fn is(&mut self, kind: MessageType, payload: &[u8], expected: &[u8]) -> Check {
        match self.ask(kind, &[payload])? {
            Ok(found) if found == expected => Ok(()),
            Ok(found) => Err(differs(Shown(expected), Shown(found))),
            Err(name) => Err(differs(Shown(expected), name)),
        }
    }

    /// Sends a request that must fail with this error.
    #[track_caller]
    pub(super) fn err(&mut self, kind: MessageType, payload: &[u8], expected: &str) -> Check {
        self.refused(kind, &[payload], expected)
    }

    /// Sends a request that must fail, with a payload in pieces.
    #[track_caller]
    pub(super) fn refused(&mut self, kind: MessageType, pieces: &[&[u8]], expected: &str) -> Check {
        match self.ask(kind, pieces)? {
            Err(name) if name == expected => Ok(()),
            Err(name) => Err(differs(expected, name)),
            Ok(found) => Err(differs(expected, Shown(found))),
        }
    }

    /// Reads a list that must have these names, in any order.
    #[track_caller]
    pub(super) fn lists(&mut self, payload: &[u8], expected: &[&str]) -> Check {
        let body = self
            .ask(MessageType::DIRECTORY, &[payload])?
            .map_err(|name| differs(format_args!("{expected:?}"), name))?;
        let names = || body.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        let terminated = body.is_empty() || body.ends_with(b"\0");
        let all = names().count() == expected.len()
            && expected.iter().all(|name| names().any(|found| found == name.as_bytes()));
        if terminated && all {
            Ok(())
        } else {
            Err(differs(format_args!("{expected:?}"), Shown(body)))
        }
    }

    /// Starts a transaction, which is that of the requests that follow.
    #[track_caller]
    pub(super) fn begin(&mut self) -> Check<u32> {
        self.tx = 0;
        let found = match self.ask(MessageType::TRANSACTION_START, &[b"\0"])? {
            Ok(body) => xen_store::wire::parse_number(body.strip_suffix(b"\0").unwrap_or_default())
                .ok()
                .filter(|&id| id != 0)
                .ok_or_else(|| text(format_args!("{}", Shown(body)))),
            Err(name) => Err(text(format_args!("{name}"))),
        };
        self.tx = found.map_err(|found| differs("the number of a transaction", found))?;
        Ok(self.tx)
    }

    /// Ends the transaction; the requests that follow are in none.
    #[track_caller]
    pub(super) fn commit(&mut self) -> Check {
        let result = self.ok(MessageType::TRANSACTION_END, b"T\0");
        self.tx = 0;
        result
    }

    /// Ends the transaction, which has to be in conflict.
    #[track_caller]
    pub(super) fn conflict(&mut self) -> Check {
        let result = self.err(MessageType::TRANSACTION_END, b"T\0", "EAGAIN");
        self.tx = 0;
        result
    }

    /// Ends the transaction without effect.
    #[track_caller]
    pub(super) fn abort(&mut self) -> Check {
        let result = self.ok(MessageType::TRANSACTION_END, b"F\0");
        self.tx = 0;
        result
    }

    /// Makes a request outside of the transaction.
    #[track_caller]
    pub(super) fn outside(&mut self, kind: MessageType, payload: &[u8]) -> Check {
        let tx = core::mem::take(&mut self.tx);
        let result = self.ok(kind, payload);
        self.tx = tx;
        result
    }

    /// Checks the watches that have fired since the last call, in any order: `path token`, with `$`
    /// and `~`.
    #[track_caller]
    pub(super) fn fired(&mut self, expected: &[&str]) -> Check {
        self.fired_events(expected, false)
    }

    /// Checks the watches as [`fired`](Self::fired) does, in the order of `expected`.
    #[track_caller]
    pub(super) fn fired_in_order(&mut self, expected: &[&str]) -> Check {
        self.fired_events(expected, true)
    }

    #[track_caller]
    fn fired_events(&mut self, expected: &[&str], in_order: bool) -> Check {
        // What was caused by requests before comes before the reply to this one.
        let _ = self.ask(MessageType::READ, &[b"$\0"])?;
        let events = core::mem::take(&mut self.events);
        let mut found = Text::new();
        for event in &events {
            let _ = write!(found, "{} {}; ", event.path, event.token);
        }
        let mut left = events;
        for wanted in expected {
            let len = self.fill(&[wanted.as_bytes()]);
            let wanted = self.out.get(HEADER_LEN..HEADER_LEN + len).unwrap_or_default();
            let is = |event: &Event| {
                wanted.strip_prefix(event.path.as_bytes()).and_then(|rest| rest.strip_prefix(b" "))
                    == Some(event.token.as_bytes())
            };
            match left.iter().position(is).filter(|&at| at == 0 || !in_order) {
                Some(at) => drop(left.remove(at)),
                None => return Err(differs(format_args!("{expected:?}"), found)),
            }
        }
        let lost = core::mem::take(&mut self.lost_events);
        if left.is_empty() && !lost {
            Ok(())
        } else {
            Err(differs(format_args!("{expected:?}"), found))
        }
    }

    /// Prepares for the case with this number.
    pub(super) fn start_case(&mut self, number: usize) -> Result<(), Broken> {
        self.tx = 0;
        self.base.clear();
        let _ = write!(self.base, "data/c/{number}");
        self.request(MessageType::RESET_WATCHES, b"\0")?;
        self.request(MessageType::MKDIR, b"$\0")?;
        self.events.clear();
        self.lost_events = false;
        Ok(())
    }

    /// Removes what the case has left.
    pub(super) fn end_case(&mut self) -> Result<(), Broken> {
        self.tx = 0;
        self.request(MessageType::RM, b"$\0")
    }

    fn request(&mut self, kind: MessageType, payload: &[u8]) -> Result<(), Broken> {
        let id = self.send(kind, &[payload])?;
        while self.receive()?.0.req_id != id {}
        Ok(())
    }
}
