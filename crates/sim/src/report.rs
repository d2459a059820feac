//! What a run was, did and proved, for people.

use crate::check::Violation;
use crate::check::evidence::Evidence;
use crate::check::live::Progress;
use crate::counts::Counts;
use crate::draw::Draw;
use crate::film::Shot;
use crate::script::Step;
use base::check::Mark;
use core::fmt;

/// The version whose seeds these are: in another one the same number is another world.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What one seed gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The words that ask for it again.
    pub again: String,
    /// What it drew.
    pub draw: Draw,
    /// How much happened.
    pub counts: Counts,
    /// Rare places that were reached, and how often. Right only if one world
    /// runs at a time in this process.
    pub marks: Marks,
    /// A number that stands for everything that happened: equal seeds, equal numbers.
    pub trace: u64,
    /// How long it took until a write was acknowledged after the last cut, in
    /// hundredths of an election timeout, if a scenario demands that.
    pub settled: Option<u64>,
    /// What was done to the world before it was healed, if that was asked for.
    pub steps: Vec<Step>,
    /// What can be seen, if that was asked for.
    pub film: Vec<Shot>,
    /// What happened, line by line, if that was asked for.
    pub story: Vec<String>,
    /// How soon the healed cluster worked again.
    pub progress: Progress,
    /// What the judges looked at, if that was asked for.
    pub evidence: Option<Evidence>,
    /// What must not be and was seen to be.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.story.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f, "seed {} of trimaran {VERSION}\n{}", self.seed, self.draw)?;
        writeln!(f, "happened\n{}", self.counts)?;
        writeln!(f, "reached\n{}", self.marks)?;
        writeln!(f, "progress\n{}", self.progress)?;
        writeln!(f, "trace {:016x}", self.trace)?;
        verdict(f, &self.again, &self.violations)
    }
}

/// Says what is wrong, and the command that shows it again.
pub(crate) fn verdict(
    f: &mut fmt::Formatter<'_>,
    again: &str,
    violations: &[Violation],
) -> fmt::Result {
    if violations.is_empty() {
        return write!(f, "passed");
    }
    writeln!(f, "FAILED; to repeat: trimaran sim run {again}")?;
    violations.iter().try_for_each(|violation| writeln!(f, "  {violation}"))
}

/// How often each rare place was reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marks(Vec<u64>);

impl Marks {
    /// The counts of this process so far.
    #[must_use]
    pub fn now() -> Self {
        Self(Mark::ALL.iter().map(|mark| mark.count()).collect())
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(self.0.iter().zip(&earlier.0).map(|(now, then)| now.saturating_sub(*then)).collect())
    }

    /// How often `mark` was reached.
    #[must_use]
    pub fn count(&self, mark: Mark) -> u64 {
        self.0.get(mark as usize).copied().unwrap_or(0)
    }

    /// Marks that were reached, and how often.
    #[must_use]
    pub fn reached(&self) -> Vec<(Mark, u64)> {
        let all = Mark::ALL.iter().map(|mark| (*mark, self.count(*mark)));
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Marks that were never reached.
    #[must_use]
    pub fn never(&self) -> Vec<Mark> {
        Mark::ALL.iter().filter(|mark| self.count(**mark) == 0).copied().collect()
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said: Vec<String> =
            self.reached().iter().map(|(mark, count)| format!("{mark:?} {count}")).collect();
        let lines: Vec<String> =
            said.chunks(6).map(|line| format!("  {}", line.join(" · "))).collect();
        f.write_str(&lines.join("\n"))?;
        let never: Vec<String> = self.never().iter().map(|mark| format!("{mark:?}")).collect();
        if never.is_empty() {
            return Ok(());
        }
        write!(f, "\nnever reached")?;
        never.chunks(8).try_for_each(|line| write!(f, "\n  {}", line.join(" · ")))
    }
}
