//! Was anything durable behind the end of the readable log? The witness says.

use crate::disk::{Disk, DiskError};
use crate::files::{End, File};
use crate::history::History;
use crate::options::Options;
use crate::record::{ALIGN, Found, Link, Seal, decode, may_begin};
use crate::segment::{self, FoundHead, HEAD_BYTES, Head};
use alloc::string::String;
use base::Serial;
use bytes::Bytes;

/// Records that were durable and cannot be read.
pub(crate) struct Missing {
    /// The segment's file.
    pub(crate) file: String,
    /// Where the first of them should stand.
    pub(crate) offset: u64,
    /// The first of them.
    pub(crate) from: Serial,
    /// The last that is known.
    pub(crate) to: Serial,
}

/// Looks behind the end for proof that something durable is missing there.
pub(crate) fn find_missing(
    disk: &mut dyn Disk,
    options: &Options,
    history: &History,
    end: Option<&End>,
    later: &[File],
) -> Result<Option<Missing>, DiskError> {
    let floor = history.ledger.floor();
    let newest = end.map_or((floor.number, floor.generation), |end| {
        (end.segment.number, end.segment.seal.generation())
    });
    let mut behind =
        Behind { witness: history.recorded, headless: None, newest, floor: floor.number };
    if let Some(end) = end {
        let offset = end.segment.offset as usize;
        let links = valid_links(&end.content, &end.segment.seal, offset);
        behind.witness = links.map(|link| link.durable).fold(behind.witness, Serial::max);
    }
    for file in later {
        behind.look_into(disk, options, history, file)?;
    }
    let begun = options.must_exist && !later.is_empty() || floor.number > 1;
    if end.is_none() && begun {
        // The first head was durable before the directory had an identity, and so
        // was the one at the floor before the floor.
        behind.witness = behind.witness.max(floor.first);
    }
    if behind.witness <= history.tail.serial {
        return Ok(None);
    }
    let (file, offset) = match (behind.headless, end) {
        (Some(file), _) => (file, 0),
        (None, Some(end)) => (end.file.clone(), end.segment.offset),
        (None, None) => (segment::file_name(options.lane, floor.number), 0),
    };
    let (from, to) = (history.tail.serial.next(), behind.witness);
    Ok(Some(Missing { file, offset, from, to }))
}

/// What stands behind the end of the readable log.
struct Behind {
    /// The highest serial that was durable.
    witness: Serial,
    /// The file behind which nothing but its head is missing.
    headless: Option<String>,
    /// Number and generation of the newest segment that is known.
    newest: (u64, u64),
    /// The number of the first segment.
    floor: u64,
}

impl Behind {
    /// Each segment's generation is one more than that of the one before.
    const fn expected(&self, number: u64) -> u64 {
        let (newest, generation) = self.newest;
        generation.saturating_add(number.saturating_sub(newest))
    }

    /// Whether the head is what an earlier use of the file left: that segment is
    /// below the floor, and this one was never opened.
    const fn is_reused(&self, head: &Head, number: u64) -> bool {
        head.number < self.floor && head.generation < self.expected(number)
    }

    /// A file that the log does not reach. A head there was written when
    /// everything before it was durable. A record there was written when the
    /// head was durable, so if the head is gone that is damage, whatever the
    /// record vouches for.
    fn look_into(
        &mut self,
        disk: &mut dyn Disk,
        options: &Options,
        history: &History,
        file: &File,
    ) -> Result<(), DiskError> {
        let content = disk.read(&file.name, file.size)?;
        let block = content.get(..HEAD_BYTES).unwrap_or(&content);
        let generation = match segment::decode(block) {
            FoundHead::Good(head) if self.is_reused(&head, file.number) => {
                self.expected(file.number)
            }
            FoundHead::Good(head) => {
                // It does not follow what was read, although it is whole.
                let last = history.tail.serial.next().max(head.first.prev());
                self.witness = self.witness.max(last);
                head.generation
            }
            _ => self.expected(file.number),
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

/// The valid headers at any aligned place from `offset` on. Only a record whose
/// body is good is stepped over: a length is not believed without its bytes.
fn valid_links(content: &Bytes, seal: &Seal, offset: usize) -> impl Iterator<Item = Link> {
    let mut at = offset;
    core::iter::from_fn(move || {
        while let Some(rest) = content.get(at..)
            && !rest.is_empty()
        {
            let here = at;
            at += ALIGN;
            if !may_begin(rest, seal) {
                continue;
            }
            let link = match decode(&content.slice(here..), seal) {
                Found::Good { link, stored, .. } => {
                    at = here + stored;
                    link
                }
                Found::BadBody { link, .. } => link,
                _ => continue,
            };
            if link.durable < link.serial {
                return Some(link);
            }
        }
        None
    })
}
