//! From the files of a lane to its log: what was written, where it ends, and
//! whether it ends there because of a crash or because the disk lost something.
//!
//! The highest `durable` of any valid record or segment head, wherever it
//! stands, is the witness. What is missing at or below it was durable and is
//! damage: it is named, and nothing is changed. What is bad above it was never
//! known durable: it is a tear, and it is cut before the log goes on.

use crate::aside::Aside;
use crate::behind::{Missing, find_missing};
use crate::cut::cut;
use crate::disk::{Disk, DiskError, DiskOp};
use crate::files::{End, File, settle};
use crate::floor::{self, Floor, FoundFloor};
use crate::history::{GroupRecovered, History};
use crate::options::Options;
use crate::record::{Found, Owner, decode};
use crate::segment::{self, FoundHead, HEAD_BYTES, Head, Loose};
use crate::wal::{Begun, Segment, Wal, Witness};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use base::codec::CodecError;
use base::{GroupId, Index, Serial, Time, sometimes};
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
    /// The number of the segment that the log begins with.
    pub floor: u64,
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
        /// The field that differs: `cluster id`, `node id`, `incarnation` or `lane`.
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
    /// The file that says where the log begins cannot be read.
    Floor {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: CodecError,
    },
    /// The directory had a log, and has none now.
    Gone,
}

impl From<DiskError> for RecoverError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<Missing> for RecoverError {
    fn from(missing: Missing) -> Self {
        let Missing { file, offset, from, to } = missing;
        Self::Damage { file, offset, from, to }
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
            Self::Floor { file, why } => write!(
                f,
                "{file}, which says where the log begins, is damaged ({why}); restore the file, or \
                 let this node join again as a new replica with an empty data directory"
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
/// on. A tear never makes it fail. `held` says what the groups' checkpoints hold:
/// entries below that index are read, and not handed up.
pub fn recover(
    disk: &mut dyn Disk,
    options: &Options,
    held: &BTreeMap<GroupId, Index>,
) -> Result<Recovered, RecoverError> {
    let settled = settle(disk, options.lane)?;
    let floor = settled.floor.as_ref().map(|content| read_floor(content, options)).transpose()?;
    let floor = floor.unwrap_or_default();
    let (below, files): (Vec<File>, Vec<File>) =
        settled.segments.into_iter().partition(|file| file.number < floor.number);
    let mut history = History::new(floor, held);
    let mut end: Option<End> = None;
    let mut read = 0;
    while let Some(file) = files.get(read)
        && let Some(head) = next_head(disk, file, options, end.as_ref(), &history)?
    {
        end = Some(replay(disk, file, &head, &mut history)?);
        read += 1;
    }
    let later = files.get(read..).unwrap_or_default();
    if let Some(missing) = find_missing(disk, options, &history, end.as_ref(), later)?
        && base::mutant!(DamageTakenForTear, true, false)
    {
        return Err(missing.into());
    }
    match end {
        Some(end) => {
            let loose = |file: File| Loose { number: file.number, size: file.size };
            let below = below.into_iter().map(loose).collect();
            let next = later.iter().find(|file| file.number == end.segment.number + 1);
            let aside = Aside::new(options, next.map(|file| file.size), below);
            finish(disk, options, history, &end, aside)
        }
        None if files.is_empty() && options.must_exist => Err(RecoverError::Gone),
        None => begin(disk, options, history),
    }
}

fn read_floor(content: &Bytes, options: &Options) -> Result<Floor, RecoverError> {
    let file = floor::file_name(options.lane);
    match floor::decode(content) {
        FoundFloor::Good { owner, lane, floor } => {
            check_owner(&file, &owner, lane, options)?;
            Ok(floor)
        }
        FoundFloor::Newer { what, got } => Err(RecoverError::Newer { file, offset: 0, what, got }),
        FoundFloor::Bad(why) => Err(RecoverError::Floor { file, why }),
    }
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
    let floor = history.ledger.floor();
    if head.number >= floor.number {
        check_owner(&file.name, &head.owner, head.lane, options)?;
    }
    let (number, generation) = end.map_or((floor.number, floor.generation), |end| {
        (end.segment.number + 1, end.segment.seal.generation() + 1)
    });
    let fits = file.number == number
        && head.number == number
        && head.generation == generation
        && head.first == history.tail.serial.next()
        && head.prev_hash == history.tail.hash;
    Ok(fits.then_some(head))
}

fn check_owner(
    file: &str,
    owner: &Owner,
    lane: u16,
    options: &Options,
) -> Result<(), RecoverError> {
    let lanes = (options.lane != lane).then_some(("lane", options.lane.into(), lane.into()));
    match options.owner.differs(owner).or(lanes) {
        None => Ok(()),
        Some((what, expected, got)) => {
            Err(RecoverError::Foreign { file: String::from(file), what, expected, got })
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
    history.ledger.open(head);
    let offset = history.replay(&content, &segment.seal, HEAD_BYTES).map_err(|unknown| {
        let (file, offset) = (file.name.clone(), unknown.offset as u64);
        RecoverError::Newer { file, offset, what: unknown.what, got: unknown.got }
    })?;
    segment.offset = offset as u64;
    Ok(End { file: file.name.clone(), segment, content })
}

/// Cuts what stands behind the end, and gives the log back.
fn finish(
    disk: &mut dyn Disk,
    options: &Options,
    history: History,
    end: &End,
    aside: Aside,
) -> Result<Recovered, RecoverError> {
    let offset = end.segment.offset as usize;
    let cut_bytes = cut(disk, &end.file, &end.content, offset, &end.segment.seal)?;
    if cut_bytes > 0 {
        match decode(&end.content.slice(offset..), &end.segment.seal) {
            Found::Nothing => sometimes!(StaleTail),
            _ => sometimes!(TornTail),
        }
    }
    let floor = history.ledger.floor();
    let report = Report {
        segments: end.segment.number - floor.number + 1,
        records: history.tail.serial.next().0 - floor.first.0,
        witness: history.recorded,
        cut_bytes,
        fresh: false,
        floor: floor.number,
    };
    Ok(recovered(options, history, end.segment, aside, report))
}

/// Begins a log where there was none, or where the first head never came to be.
fn begin(
    disk: &mut dyn Disk,
    options: &Options,
    mut history: History,
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
    let report = Report { fresh: true, segments: 1, floor: 1, ..Report::default() };
    history.ledger.open(&head);
    Ok(recovered(options, history, Segment::new(&head), Aside::default(), report))
}

fn recovered(
    options: &Options,
    history: History,
    segment: Segment,
    aside: Aside,
    report: Report,
) -> Recovered {
    let History { tail, recorded, wanted, groups, ledger, .. } = history;
    // What was read back is durable, and nothing on disk says so yet.
    let due = (wanted > recorded).then_some(Time::ZERO);
    let witness = Witness { wanted, recorded, due };
    let wal = Wal::new(*options, Begun { segment, ledger, aside, tail, witness });
    Recovered { wal, groups, report }
}
