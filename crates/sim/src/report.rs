//! What a run was, did and proved, for people.

use crate::check::Violation;
use crate::counts::Counts;
use crate::draw::Draw;
use base::check::Mark;
use core::fmt;

/// What one seed gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What it drew.
    pub draw: Draw,
    /// How much happened.
    pub counts: Counts,
    /// Rare places that were reached, and how often. Right only if one world
    /// runs at a time in this process.
    pub marks: Marks,
    /// A number that stands for everything that happened: equal seeds, equal numbers.
    pub trace: u64,
    /// What happened, line by line, if that was asked for.
    pub story: Vec<String>,
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
        writeln!(f, "seed {}\n{}", self.seed, self.draw)?;
        writeln!(f, "happened\n{}", self.counts)?;
        writeln!(f, "reached\n{}", self.marks)?;
        writeln!(f, "trace {:016x}", self.trace)?;
        verdict(f, self.seed, &self.violations)
    }
}

/// Says what is wrong, and the command that shows it again.
pub(crate) fn verdict(
    f: &mut fmt::Formatter<'_>,
    seed: u64,
    violations: &[Violation],
) -> fmt::Result {
    if violations.is_empty() {
        return write!(f, "passed");
    }
    writeln!(f, "FAILED; to repeat: trimaran sim run --seed {seed}")?;
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

    /// Marks that were never reached.
    #[must_use]
    pub fn never(&self) -> Vec<Mark> {
        Mark::ALL.iter().filter(|mark| self.count(**mark) == 0).copied().collect()
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said: Vec<String> =
            Mark::ALL.iter().map(|mark| format!("{mark:?} {}", self.count(*mark))).collect();
        let lines: Vec<String> =
            said.chunks(6).map(|line| format!("  {}", line.join(" · "))).collect();
        f.write_str(&lines.join("\n"))
    }
}
