//! The header blocks of requests, made once: four fields that never change on a
//! connection are spelled out in its first call and are one byte each from then on
//! (HPACK, RFC 7541).

/// What can be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Put,
    Range,
    Txn,
    Status,
}

const METHODS: usize = 4;

impl Method {
    fn path(self) -> &'static str {
        match self {
            Self::Put => "/etcdserverpb.KV/Put",
            Self::Range => "/etcdserverpb.KV/Range",
            Self::Txn => "/etcdserverpb.KV/Txn",
            Self::Status => "/etcdserverpb.Maintenance/Status",
        }
    }
}

/// `:method: POST` and `:scheme: http` of the static table.
const POST_HTTP: [u8; 2] = [0x83, 0x86];
/// Indexes of names in the static table.
const AUTHORITY: usize = 1;
const PATH: usize = 4;
const CONTENT_TYPE: usize = 31;
/// The newest entry of the server's table; what came before it follows.
const NEWEST: usize = 62;
/// A dynamic table update to no table at all.
const NO_TABLE: u8 = 0x20;
/// All our entries fit in so large a table, 32 bytes for each counted in.
const TABLE: u32 = 4096;
/// No name of a host is longer.
pub(crate) const AUTHORITY_MAX: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Path(Method),
    Authority,
    Te,
    ContentType,
}

/// Makes the header blocks of one connection's requests.
#[derive(Debug)]
pub(crate) struct Requests {
    authority: String,
    /// What the server's table holds of ours, oldest first.
    table: Vec<Field>,
    /// Whether the server keeps a table.
    keeps: bool,
    /// It must be told that we use its table no longer.
    untold: bool,
    /// Blocks that can be sent as they are; empty where there is none.
    ready: [Vec<u8>; METHODS],
    /// A block that is sent once.
    once: Vec<u8>,
}

impl Requests {
    pub(crate) fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            table: Vec::new(),
            keeps: true,
            untold: false,
            ready: Default::default(),
            once: Vec::new(),
        }
    }

    /// The server keeps so large a table. One that was ever too small is not used again.
    pub(crate) fn fit(&mut self, table: u32) {
        if table < TABLE && self.keeps {
            (self.keeps, self.untold) = (false, true);
            self.table.clear();
            self.ready.iter_mut().for_each(Vec::clear);
        }
    }

    /// The next request's block. It must be sent, and before any other.
    pub(crate) fn block(&mut self, method: Method) -> &[u8] {
        let at = method as usize;
        if self.ready.get(at).is_none_or(Vec::is_empty) {
            self.make(method);
        }
        match self.ready.get(at) {
            Some(ready) if !ready.is_empty() => ready,
            _ => &self.once,
        }
    }

    fn make(&mut self, method: Method) {
        let known = self.table.len();
        self.once.clear();
        let told = std::mem::take(&mut self.untold);
        self.once.extend(told.then_some(NO_TABLE));
        self.once.extend(POST_HTTP);
        for field in [Field::Path(method), Field::Authority, Field::Te, Field::ContentType] {
            self.put(field);
        }
        if self.table.len() != known {
            // Each entry has another index now.
            self.ready.iter_mut().for_each(Vec::clear);
        } else if !told && let Some(ready) = self.ready.get_mut(method as usize) {
            ready.clone_from(&self.once);
        }
    }

    fn put(&mut self, field: Field) {
        if let Some(at) = self.table.iter().position(|known| *known == field) {
            put_integer(&mut self.once, 0x80, 7, NEWEST + self.table.len() - 1 - at);
            return;
        }
        let (name, value) = match field {
            Field::Path(method) => (PATH, method.path()),
            Field::Authority => (AUTHORITY, self.authority.as_str()),
            Field::Te => (0, "trailers"),
            Field::ContentType => (CONTENT_TYPE, "application/grpc"),
        };
        let (first, prefix) = if self.keeps { (0x40, 6) } else { (0, 4) };
        put_integer(&mut self.once, first, prefix, name);
        if name == 0 {
            put_text(&mut self.once, "te");
        }
        put_text(&mut self.once, value);
        if self.keeps {
            self.table.push(field);
        }
    }
}

/// RFC 7541, section 5.1.
fn put_integer(out: &mut Vec<u8>, first: u8, prefix: u32, value: usize) {
    let most = (1usize << prefix) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(0x80 | (rest % 128) as u8);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// RFC 7541, section 5.2, not compressed.
fn put_text(out: &mut Vec<u8>, text: &str) {
    put_integer(out, 0, 7, text.len());
    out.extend_from_slice(text.as_bytes());
}
