//! The server: enough of xenstored to test a client.

use std::collections::{BTreeMap, VecDeque};
use xen_hypercall::SharedMem;
use xen_ring::{ByteConsumer, ByteProducer};
use xen_store::wire::{HEADER_LEN, MessageType, XsdSockmsg, decode, encode};

pub const HOME: &str = "/local/domain/5";

#[derive(Clone, Debug)]
pub struct Request {
    pub kind: MessageType,
    pub id: u32,
    pub tx: u32,
    pub body: Vec<u8>,
}

impl Request {
    pub fn texts(&self) -> Vec<String> {
        let texts =
            self.body.split(|&b| b == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        texts.collect()
    }
}

type Nodes = BTreeMap<String, Vec<u8>>;

/// A transaction: the nodes at its start, the nodes it sees, the paths it wrote and used.
struct Transaction {
    before: Nodes,
    seen: Nodes,
    written: Vec<String>,
    used: Vec<String>,
}

pub type Override = Box<dyn FnMut(&Request) -> Option<Vec<u8>>>;

pub struct Server {
    requests: ByteConsumer<0, 1024, 2048, 2052>,
    replies: ByteProducer<1024, 1024, 2056, 2060>,
    inbox: Vec<u8>,
    pub outbox: VecDeque<u8>,
    pub nodes: Nodes,
    permissions: BTreeMap<String, Vec<u8>>,
    pub watches: Vec<(String, String)>,
    transactions: BTreeMap<u32, Transaction>,
    next_transaction: u32,
    own_business: bool,
    /// Every request that came.
    pub log: Vec<Request>,
    /// Number of commits that fail for a conflict.
    pub conflicts: u32,
    /// The most bytes taken, and given, in a turn.
    pub chunk: usize,
    /// `true` if requests are taken but never answered.
    pub mute: bool,
    /// Hook that answers a request with raw bytes instead, if it returns some.
    pub answer: Option<Override>,
    /// Reacts to every change of a node, as a backend or a toolstack does.
    pub reaction: Option<fn(&mut Server, &str)>,
}

pub fn message(kind: MessageType, id: u32, body: &[u8]) -> Vec<u8> {
    let header = XsdSockmsg { type_: kind, req_id: id, tx_id: 0, len: body.len() as u32 };
    [&encode(&header)[..], body].concat()
}

fn absolute(path: &str) -> String {
    if path.starts_with(['/', '@']) { path.into() } else { format!("{HOME}/{path}") }
}

impl Server {
    pub fn new(mem: &SharedMem) -> Self {
        let nodes = BTreeMap::from([
            ("/".into(), vec![]),
            (HOME.into(), vec![]),
            (absolute("domid"), b"5".to_vec()),
        ]);
        Self {
            requests: ByteConsumer::attach(mem),
            replies: ByteProducer::attach(mem),
            inbox: vec![],
            outbox: VecDeque::new(),
            nodes,
            permissions: BTreeMap::new(),
            watches: vec![],
            transactions: BTreeMap::new(),
            next_transaction: 1,
            own_business: false,
            log: vec![],
            conflicts: 0,
            chunk: usize::MAX,
            mute: false,
            answer: None,
            reaction: None,
        }
    }

    pub fn reattach(&mut self, mem: &SharedMem) {
        (self.requests, self.replies) = (ByteConsumer::attach(mem), ByteProducer::attach(mem));
    }

    pub fn kinds(&self) -> Vec<MessageType> {
        self.log.iter().map(|request| request.kind).collect()
    }

    /// Answers requests of this kind about `path` with an error from now on.
    pub fn refuse(&mut self, kind: MessageType, path: &str, error: &'static str) {
        let path = path.to_string();
        self.answer = Some(Box::new(move |request| {
            let refused = request.kind == kind && request.texts()[0] == path;
            refused
                .then(|| message(MessageType::ERROR, request.id, format!("{error}\0").as_bytes()))
        }));
    }

    pub fn open_transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Returns whether something happened without a notification.
    pub fn has_own_business(&mut self) -> bool {
        std::mem::take(&mut self.own_business)
    }

    pub fn get(&self, path: &str) -> Option<String> {
        self.nodes.get(&absolute(path)).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    pub fn set(&mut self, path: &str, value: &[u8]) {
        let path = absolute(path);
        let mut nodes = std::mem::take(&mut self.nodes);
        put(&mut nodes, &path, value);
        self.nodes = nodes;
        self.changed(&path);
    }

    pub fn remove(&mut self, path: &str) {
        let path = absolute(path);
        let below: Vec<String> = self
            .nodes
            .keys()
            .filter(|node| **node == path || node.starts_with(&format!("{path}/")))
            .cloned()
            .collect();
        for node in &below {
            self.nodes.remove(node);
        }
        below.iter().for_each(|node| self.changed(node));
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.outbox.extend(bytes);
        self.own_business = true;
    }

    fn changed(&mut self, path: &str) {
        for (watched, token) in self.watches.clone() {
            let whole = absolute(&watched);
            if path == whole || path.starts_with(&format!("{}/", whole.trim_end_matches('/'))) {
                let seen = if watched.starts_with(['/', '@']) {
                    path
                } else {
                    path.strip_prefix(&format!("{HOME}/")).unwrap_or(path)
                };
                self.event(seen, &token);
            }
        }
        if let Some(reaction) = self.reaction {
            reaction(self, path);
        }
    }

    pub fn event(&mut self, path: &str, token: &str) {
        self.send(&message(MessageType::WATCH_EVENT, 0, format!("{path}\0{token}\0").as_bytes()));
    }

    /// Takes and gives one turn's bytes. Returns whether there were any.
    pub fn step(&mut self, mem: &SharedMem) -> bool {
        let mut taken = vec![0; self.chunk.min(1024)];
        let Ok(count) = self.requests.read(mem, &mut taken) else { return false };
        self.inbox.extend_from_slice(&taken[..count]);
        while let Some(request) = self.next_request() {
            self.log.push(request.clone());
            if !self.mute {
                let reply = match self.answer.as_mut().and_then(|answer| answer(&request)) {
                    Some(raw) => raw,
                    None => self.handle(&request),
                };
                self.outbox.extend(reply);
            }
        }
        let waiting: Vec<u8> = self.outbox.iter().take(self.chunk).copied().collect();
        let given = self.replies.write(mem, &waiting).unwrap_or(0);
        self.outbox.drain(..given);
        count + given > 0
    }

    fn next_request(&mut self) -> Option<Request> {
        let header =
            decode(self.inbox.first_chunk::<HEADER_LEN>()?).expect("the client's requests fit");
        let end = HEADER_LEN + header.len as usize;
        let body = self.inbox.get(HEADER_LEN..end)?.to_vec();
        self.inbox.drain(..end);
        Some(Request { kind: header.type_, id: header.req_id, tx: header.tx_id, body })
    }

    fn handle(&mut self, request: &Request) -> Vec<u8> {
        match self.answer_body(request) {
            // The event that every new watch causes follows the reply.
            Ok(body) if request.kind == MessageType::WATCH => {
                let event = message(MessageType::WATCH_EVENT, 0, &request.body);
                [message(request.kind, request.id, &body), event].concat()
            }
            Ok(body) => message(request.kind, request.id, &body),
            Err(name) => message(MessageType::ERROR, request.id, format!("{name}\0").as_bytes()),
        }
    }

    fn answer_body(&mut self, request: &Request) -> Result<Vec<u8>, &'static str> {
        let texts = request.texts();
        let path = absolute(&texts[0]);
        let in_transaction = request.tx != 0;
        let mut nodes = if in_transaction {
            self.transactions.get(&request.tx).ok_or("ENOENT")?.seen.clone()
        } else {
            self.nodes.clone()
        };
        let done = Ok(b"OK\0".to_vec());
        let used = path.clone();
        let mut changed = None;
        let answer = match request.kind {
            MessageType::READ => nodes.get(&path).cloned().ok_or("ENOENT"),
            MessageType::WRITE => {
                put(&mut nodes, &path, &request.body[texts[0].len() + 1..]);
                changed = Some(path);
                done
            }
            MessageType::MKDIR => {
                if !nodes.contains_key(&path) {
                    put(&mut nodes, &path, b"");
                }
                done
            }
            MessageType::RM if !in_transaction => {
                self.remove(&path);
                return done;
            }
            MessageType::RM => {
                let below = format!("{path}/");
                nodes.retain(|node, _| *node != path && !node.starts_with(&below));
                changed = Some(path);
                done
            }
            MessageType::DIRECTORY => {
                let prefix = format!("{}/", path.trim_end_matches('/'));
                let children = nodes.keys().filter_map(|node| node.strip_prefix(&prefix));
                let children: Vec<&str> =
                    children.filter(|name| !name.contains('/') && !name.is_empty()).collect();
                let body: String = children.iter().map(|name| format!("{name}\0")).collect();
                nodes.contains_key(&path).then(|| body.into_bytes()).ok_or("ENOENT")
            }
            MessageType::GET_PERMS => {
                Ok(self.permissions.get(&path).cloned().unwrap_or(b"n0\0".to_vec()))
            }
            MessageType::SET_PERMS => {
                self.permissions.insert(path, request.body[texts[0].len() + 1..].to_vec());
                done
            }
            MessageType::GET_DOMAIN_PATH => {
                Ok(format!("/local/domain/{}\0", texts[0]).into_bytes())
            }
            MessageType::WATCH => {
                self.watches.push((texts[0].clone(), texts[1].clone()));
                done
            }
            MessageType::UNWATCH => {
                self.watches.retain(|watch| *watch != (texts[0].clone(), texts[1].clone()));
                done
            }
            MessageType::RESET_WATCHES => {
                self.watches.clear();
                self.transactions.clear();
                done
            }
            MessageType::TRANSACTION_START => {
                let id = self.next_transaction;
                self.next_transaction += 1;
                let before = nodes.clone();
                let (written, used) = (vec![], vec![]);
                self.transactions.insert(id, Transaction { before, seen: nodes, written, used });
                return Ok(format!("{id}\0").into_bytes());
            }
            MessageType::TRANSACTION_END => {
                let Transaction { before, seen, written, used } =
                    self.transactions.remove(&request.tx).ok_or("ENOENT")?;
                if texts[0] == "F" {
                    return done;
                }
                if self.conflicts > 0 {
                    self.conflicts -= 1;
                    return Err("EAGAIN");
                }
                // A node that it used was changed meanwhile.
                if used.iter().any(|path| self.nodes.get(path) != before.get(path)) {
                    return Err("EAGAIN");
                }
                for path in before.keys().filter(|path| !seen.contains_key(*path)) {
                    self.nodes.remove(path);
                }
                let changed =
                    seen.into_iter().filter(|(path, value)| before.get(path) != Some(value));
                self.nodes.extend(changed);
                // Also for a value that stayed the same.
                written.iter().for_each(|path| self.changed(path));
                return done;
            }
            _ => Err("ENOSYS"),
        };
        if in_transaction {
            let transaction = self.transactions.get_mut(&request.tx).ok_or("ENOENT")?;
            transaction.seen = nodes;
            transaction.written.extend(changed);
            transaction.used.push(used);
        } else {
            self.nodes = nodes;
            changed.into_iter().for_each(|path| self.changed(&path));
        }
        answer
    }
}

fn put(nodes: &mut Nodes, path: &str, value: &[u8]) {
    for (at, _) in path.match_indices('/').skip(1) {
        nodes.entry(path[..at].into()).or_default();
    }
    nodes.insert(path.into(), value.to_vec());
}

/// Returns the header of a reply to `request` with a body of `len` bytes.
pub fn header(request: &Request, len: usize) -> XsdSockmsg {
    XsdSockmsg { type_: request.kind, req_id: request.id, tx_id: 0, len: len as u32 }
}
