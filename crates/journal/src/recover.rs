//! From the files of a lane to its log: what was written, where it ends, and
//! whether it ends there because of a crash or because the disk lost something.
//!
//! The highest `durable` of any valid record or segment head, wherever it
//! stands, is the witness. What is missing at or below it was durable and is
//! damage: it is named, and nothing is changed. What is bad above it was never
//! known durable: it is a tear, and it is cut before the log goes on.

use crate::cut::cut;
use crate::disk::{Disk, DiskError, DiskOp};
use crate::history::{GroupRecovered, History};
use crate::record::{Found, Link, Seal, decode};
use crate::segment::{self, FoundHead, HEAD_BYTES, Head};
use crate::wal::{Options, Segment, Wal, Witness};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::{GroupId, Serial, Time, sometimes};
use bytes::Bytes;
use core::fmt;

/// What recovery found.
#[derive(Debug)]
pub struct Recovered {
    /// The log, ready to go on. Everything in it is durable.
    pub wal: Wal,
    /// What each group finds.
    pub groups: BTreeMap<GroupId, GroupRecovered>,
    /// For people and tests.
    pub report: Report,
}

/// What recovery did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Segments that were read.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// The serial that some record or head proves durable.
    pub witness: Serial,
    /// Bytes behind the end of the log that were made zeros.
    pub cut_bytes: u64,
    /// There was no log, and one was begun.
    pub fresh: bool,
}

/// Why the log cannot be used. Nothing on disk was changed, except by a disk
/// that failed while a tear was cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecoverError {
    /// The disk failed.
    Disk(DiskError),
    /// Records that were durable are gone or changed.
    Damage {
        /// The segment's file.
        file: String,
        /// Where the first of them should stand.
        offset: u64,
        /// The first serial that is missing.
        from: Serial,
        /// The last serial that is known to have been durable.
        to: Serial,
    },
    /// The log belongs to somebody else.
    Foreign {
        /// The segment's file.
        file: String,
        /// The field that differs.
        what: &'static str,
        /// What it is here.
        expected: u64,
        /// What it is there.
        got: u64,
    },
    /// A newer build wrote this.
    Newer {
        /// The segment's file.
        file: String,
        /// Where it stands.
        offset: u64,
        /// The field.
        what: &'static str,
        /// What it holds.
        got: u64,
    },
    /// The directory had a log, and has none now.
    Gone,
}

impl From<DiskError> for RecoverError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Damage { file, offset, from, to } => write!(
                f,
                "{file} is damaged at byte {offset}: records {from} to {to} were durable and \
                 cannot be read; restore the file, or let this node join again as a new replica \
                 with an empty data directory"
            ),
            Self::Foreign { file, what, expected, got } => write!(
                f,
                "{file} belongs to another owner: its {what} is {got}, this node's is {expected}; \
                 start with the data directory of this node"
            ),
            Self::Newer { file, offset, what, got } => write!(
                f,
                "{file} was written by a newer version ({what} {got} at byte {offset}); start \
                 that version or a later one"
            ),
            Self::Gone => write!(
                f,
                "the data directory has an identity but no log: the log was lost; restore it, or \
                 let this node join again as a new replica with an empty data directory"
            ),
        }
    }
}

impl core::error::Error for RecoverError {}

/// Reads the log of a lane, cuts a torn end, and gives the log back ready to go
/// on. A tear never makes it fail.
pub fn recover(disk: &mut dyn Disk, options: &Options) -> Result<Recovered, RecoverError> {
    let files = settle(disk, options.lane)?;
    let mut history = History::new();
    let mut end: Option<End> = None;
    let mut read = 0;
    while let Some(file) = files.get(read)
        && let Some(head) = next_head(disk, file, options, end.as_ref(), &history)?
    {
        end = Some(replay(disk, file, &head, &mut history)?);
        read += 1;
    }
    let later = files.get(read..).unwrap_or_default();
    check_witness(disk, options, &history, end.as_ref(), later)?;
    match end {
        Some(end) => finish(disk, options, history, &end, read as u64),
        None if files.is_empty() && options.must_exist => Err(RecoverError::Gone),
        None => begin(disk, options, history),
    }
}

/// One file of the lane.
struct File {
    name: String,
    number: u64,
    size: u64,
}

/// Where the readable log ends.
struct End {
    file: String,
    segment: Segment,
    content: Bytes,
}

/// The lane's files in the order of their numbers, each synced: what a process
/// that died left in the page cache is on disk before it is believed.
fn settle(disk: &mut dyn Disk, lane: u16) -> Result<Vec<File>, DiskError> {
    let mut files: Vec<File> = disk
        .list()?
        .into_iter()
        .filter_map(|(name, size)| {
            segment::number_of(lane, &name).map(|number| File { name, number, size })
        })
        .collect();
    files.sort_by_key(|file| file.number);
    for file in &files {
        let file = file.name.clone();
        disk.sync(DiskOp::Write { file, offset: 0, parts: Vec::new() })?;
    }
    Ok(files)
}

/// The head of `file`, if the log goes on there.
fn next_head(
    disk: &mut dyn Disk,
    file: &File,
    options: &Options,
    end: Option<&End>,
    history: &History,
) -> Result<Option<Head>, RecoverError> {
    let head = match segment::decode(&disk.read(&file.name, HEAD_BYTES as u64)?) {
        FoundHead::Good(head) => head,
        FoundHead::Newer { what, got } => {
            return Err(RecoverError::Newer { file: file.name.clone(), offset: 0, what, got });
        }
        FoundHead::Nothing | FoundHead::Bad => return Ok(None),
    };
    check_owner(file, &head, options)?;
    let (number, generation) =
        end.map_or((1, 1), |end| (end.segment.number + 1, end.segment.seal.generation() + 1));
    let fits = file.number == number
        && head.number == number
        && head.generation == generation
        && head.first == history.tail.serial.next()
        && head.prev_hash == history.tail.hash;
    Ok(fits.then_some(head))
}

fn check_owner(file: &File, head: &Head, options: &Options) -> Result<(), RecoverError> {
    let (here, there) = (&options.owner, &head.owner);
    let fields = [
        ("cluster id", here.cluster.0, there.cluster.0),
        ("node id", here.node.0, there.node.0),
        ("node incarnation", here.incarnation.0, there.incarnation.0),
        ("lane", u64::from(options.lane), u64::from(head.lane)),
    ];
    match fields.into_iter().find(|(_, expected, got)| expected != got) {
        None => Ok(()),
        Some((what, expected, got)) => {
            Err(RecoverError::Foreign { file: file.name.clone(), what, expected, got })
        }
    }
}

fn replay(
    disk: &mut dyn Disk,
    file: &File,
    head: &Head,
    history: &mut History,
) -> Result<End, RecoverError> {
    let content = disk.read(&file.name, file.size.min(head.size))?;
    let mut segment = Segment::new(head);
    history.recorded = history.recorded.max(head.first.prev());
    let offset = history.replay(&content, &segment.seal, HEAD_BYTES).map_err(|unknown| {
        let (file, offset) = (file.name.clone(), unknown.offset as u64);
        RecoverError::Newer { file, offset, what: unknown.what, got: unknown.got }
    })?;
    segment.offset = offset as u64;
    Ok(End { file: file.name.clone(), segment, content })
}

/// What stands behind the end of the readable log.
#[derive(Default)]
struct Behind {
    /// The highest serial that was durable.
    witness: Serial,
    /// The file behind which nothing but its head is missing.
    headless: Option<String>,
}

/// Looks behind the end for proof that something durable is missing there.
fn check_witness(
    disk: &mut dyn Disk,
    options: &Options,
    history: &History,
    end: Option<&End>,
    later: &[File],
) -> Result<(), RecoverError> {
    let mut behind = Behind { witness: history.recorded, headless: None };
    if let Some(end) = end {
        let offset = end.segment.offset as usize;
        let links = valid_links(&end.content, &end.segment.seal, offset);
        behind.witness = links.map(|link| link.durable).fold(behind.witness, Serial::max);
    }
    for file in later {
        behind.look_into(disk, options, history, end, file)?;
    }
    let nothing_known = options.must_exist && end.is_none() && !later.is_empty();
    if nothing_known {
        behind.witness = behind.witness.max(Serial(1));
    }
    if behind.witness <= history.tail.serial {
        return Ok(());
    }
    let (file, offset) = match (behind.headless, end, later.first()) {
        (Some(file), _, _) => (file, 0),
        (None, Some(end), _) => (end.file.clone(), end.segment.offset),
        (None, None, first) => (first.map_or_else(String::new, |file| file.name.clone()), 0),
    };
    let (from, to) = (history.tail.serial.next(), behind.witness);
    Err(RecoverError::Damage { file, offset, from, to })
}

impl Behind {
    /// A file that the log does not reach. A head there was written when
    /// everything before it was durable. A record there was written when the
    /// head was durable, so if the head is gone that is damage, whatever the
    /// record vouches for.
    fn look_into(
        &mut self,
        disk: &mut dyn Disk,
        options: &Options,
        history: &History,
        end: Option<&End>,
        file: &File,
    ) -> Result<(), RecoverError> {
        let content = disk.read(&file.name, file.size)?;
        let block = content.get(..HEAD_BYTES).unwrap_or(&content);
        let generation = match segment::decode(block) {
            FoundHead::Good(head) => {
                // It does not follow what was read, although it is whole.
                let last = history.tail.serial.next().max(head.first.prev());
                self.witness = self.witness.max(last);
                head.generation
            }
            _ => expected_generation(end, file.number),
        };
        let seal = Seal::new(&options.owner, options.lane, generation);
        for link in valid_links(&content, &seal, HEAD_BYTES) {
            if link.serial == history.tail.serial.next() {
                self.headless = Some(file.name.clone());
            }
            self.witness = self.witness.max(link.serial);
        }
        Ok(())
    }
}

/// Each segment's generation is one more than that of the one before.
fn expected_generation(end: Option<&End>, number: u64) -> u64 {
    end.map_or(number, |end| {
        let ahead = number.saturating_sub(end.segment.number);
        end.segment.seal.generation().saturating_add(ahead)
    })
}

/// The valid headers at any aligned place from `offset` on. Only a record whose
/// body is good is stepped over: a length is not believed without its bytes.
fn valid_links(content: &Bytes, seal: &Seal, offset: usize) -> impl Iterator<Item = Link> {
    let mut at = offset;
    core::iter::from_fn(move || {
        while at < content.len() {
            let found = decode(&content.slice(at..), seal);
            at += match &found {
                Found::Good { stored, .. } => *stored,
                _ => crate::record::ALIGN,
            };
            match found {
                Found::Good { link, .. } | Found::BadBody { link, .. }
                    if link.durable < link.serial =>
                {
                    return Some(link);
                }
                _ => {}
            }
        }
        None
    })
}

/// Cuts what stands behind the end, and gives the log back.
fn finish(
    disk: &mut dyn Disk,
    options: &Options,
    history: History,
    end: &End,
    segments: u64,
) -> Result<Recovered, RecoverError> {
    let offset = end.segment.offset as usize;
    let cut_bytes = cut(disk, &end.file, &end.content, offset)?;
    if cut_bytes > 0 {
        match decode(&end.content.slice(offset..), &end.segment.seal) {
            Found::Nothing => sometimes!(StaleTail),
            _ => sometimes!(TornTail),
        }
    }
    let report = Report {
        segments,
        records: history.tail.serial.0,
        witness: history.recorded,
        cut_bytes,
        fresh: false,
    };
    Ok(recovered(options, history, end.segment, report))
}

/// Begins a log where there was none, or where the first head never came to be.
fn begin(
    disk: &mut dyn Disk,
    options: &Options,
    history: History,
) -> Result<Recovered, RecoverError> {
    let head = Head {
        owner: options.owner,
        lane: options.lane,
        number: 1,
        generation: 1,
        size: options.segment_bytes.max(HEAD_BYTES as u64),
        first: Serial(1),
        prev_hash: 0,
    };
    let file = segment::file_name(head.lane, head.number);
    disk.sync(DiskOp::Create { file: file.clone(), size: head.size })?;
    disk.sync(DiskOp::Write { file, offset: 0, parts: vec![segment::encode(&head)] })?;
    let report = Report { fresh: true, segments: 1, ..Report::default() };
    Ok(recovered(options, history, Segment::new(&head), report))
}

fn recovered(options: &Options, history: History, segment: Segment, report: Report) -> Recovered {
    let History { tail, recorded, wanted, groups } = history;
    // What was read back is durable, and nothing on disk says so yet.
    let due = (wanted > recorded).then_some(Time::ZERO);
    let wal = Wal::new(*options, segment, tail, Witness { wanted, recorded, due });
    Recovered { wal, groups, report }
}
