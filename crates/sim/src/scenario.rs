//! Scenarios: what goes wrong, and when, as a person writes it down.
//!
//! A scenario is a text of lines. The first lines that begin with `#` say what
//! it is about; then come settings and orders, each on a line of its own.
//!
//! ```text
//! # A leader that reaches nobody must not go on.
//! nodes 3
//! theme mixed
//! time 4s
//! calls 4 callers 2 watchers 1 holders 3 keys
//! pause 20ms
//! at 1s cut leader
//! at 2s mend
//! ```
//!
//! `at TIME` is followed by one of `kill`, `power`, `start`, `cut`, `fill`,
//! `free`, `lose` or `leave` with a node, `pause NODE TIME`, `slow NODE TIME` or
//! `hang NODE TIME` (its disk), `jump NODE TIME` (its clock), `cut NODE NODE`
//! (both ways), `cut NODE to NODE` (one way), `move NODE` (leadership goes
//! there) or `mend [NODE]`. A node is `n1`, `n2` …, `leader`, `follower`,
//! `follower2` … or `all`; `others` are the followers but the first.
//!
//! `settle 4 elections` demands that within so many election timeouts of the last
//! cut, pause or hung disk somebody leads who stays, and a write is acknowledged.

use crate::draw::{Draw, Theme};
use core::fmt;
use core::time::Duration;

/// The scenarios that are part of the program.
const NAMED: &[(&str, &str)] = &[
    ("chained", include_str!("../scenarios/chained.txt")),
    ("constrained", include_str!("../scenarios/constrained.txt")),
    ("crash-recovery", include_str!("../scenarios/crash-recovery.txt")),
    ("full-disk", include_str!("../scenarios/full-disk.txt")),
    ("deaf-follower", include_str!("../scenarios/deaf-follower.txt")),
    ("deaf-leader", include_str!("../scenarios/deaf-leader.txt")),
    ("hand-over", include_str!("../scenarios/hand-over.txt")),
    ("hung-disk", include_str!("../scenarios/hung-disk.txt")),
    ("lost-disk", include_str!("../scenarios/lost-disk.txt")),
    ("minority-leader", include_str!("../scenarios/minority-leader.txt")),
    ("mute-leader", include_str!("../scenarios/mute-leader.txt")),
    ("one-way", include_str!("../scenarios/one-way.txt")),
    ("power-cut", include_str!("../scenarios/power-cut.txt")),
    ("quiet", include_str!("../scenarios/quiet.txt")),
    ("quorum-loss", include_str!("../scenarios/quorum-loss.txt")),
    ("silent-leader", include_str!("../scenarios/silent-leader.txt")),
    ("slow-leader", include_str!("../scenarios/slow-leader.txt")),
    ("split-vote", include_str!("../scenarios/split-vote.txt")),
];

/// The numbers of nodes that a cluster may have.
pub const SIZES: &[usize] = &[1, 3, 5, 7];

/// The longest scenario.
const TIME_MAX: Duration = Duration::from_secs(600);

/// A plan for a world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scenario {
    /// Under which name it was asked for.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// What the rest of the world is like.
    pub theme: Option<Theme>,
    nodes: Option<usize>,
    time: Option<Duration>,
    callers: Option<usize>,
    watchers: Option<usize>,
    holders: Option<usize>,
    keys: Option<u64>,
    think: Option<Duration>,
    /// Within how many election timeouts of the last cut there must be a leader
    /// who stays, and a write.
    pub settle: Option<u32>,
    /// What is ordered, in order.
    pub scenes: Vec<Scene>,
}

/// An order and its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scene {
    /// How long after the beginning.
    pub at: Duration,
    /// What is to be done.
    pub order: Order,
}

/// Which node is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// This one.
    Node(usize),
    /// Whoever leads then.
    Leader,
    /// Of those that do not lead then, the one of this number, from 0.
    Follower(usize),
    /// Those that do not lead then, but the first.
    Others,
    /// Every node.
    All,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the words of the format say it")]
pub enum Order {
    Kill(Who),
    Power(Who),
    Start(Who),
    Pause(Who, Duration),
    Slow(Who, Duration),
    Hang(Who, Duration),
    Jump(Who, Duration),
    Isolate(Who),
    Between(Who, Who),
    OneWay(Who, Who),
    Mend(Option<Who>),
    Fill(Who),
    Free(Who),
    Lose(Who),
    Leave(Who),
    Move(Who),
}

/// A word that does not fit, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The word in it, from 1.
    pub word: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, word {}: {}", self.line, self.word, self.what)
    }
}

/// The names of the scenarios that are part of the program, each with its sentence.
#[must_use]
pub fn named() -> Vec<(&'static str, String)> {
    NAMED.iter().map(|(name, text)| (*name, about(text))).collect()
}

/// The text of the scenario of this name.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn about(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with('#'));
    let words: Vec<&str> = lines.map(|line| line.trim_start_matches('#').trim()).collect();
    words.join(" ")
}

impl Scenario {
    /// Reads a scenario.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut scenario = Self { about: about(text), ..Self::default() };
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = Words::new(number + 1, line);
            if words.left() {
                scenario.read(&mut words)?;
                words.end()?;
            }
        }
        let size = scenario.nodes.unwrap_or(3);
        scenario.nodes = Some(size);
        scenario.time.get_or_insert(Duration::from_secs(4));
        Ok(scenario)
    }

    fn read(&mut self, words: &mut Words<'_>) -> Result<(), Fault> {
        match words.next("a setting or `at`")? {
            "nodes" => {
                let nodes = words.number("1, 3, 5 or 7")?;
                let known = SIZES.iter().copied().find(|it| *it as u64 == nodes);
                self.nodes =
                    Some(known.ok_or_else(|| words.bad("a cluster has 1, 3, 5 or 7 nodes"))?);
            }
            "theme" => {
                let word = words.next("a theme")?;
                let theme = Theme::ALL.iter().find(|theme| theme.word() == word).copied();
                let all: Vec<&str> = Theme::ALL.iter().map(|theme| theme.word()).collect();
                let why = || words.bad(&format!("a theme is one of {}", all.join(", ")));
                self.theme = Some(theme.ok_or_else(why)?);
            }
            "time" => self.time = Some(words.time()?),
            "pause" => self.think = Some(words.time()?),
            "settle" => self.settle = Some(words.elections()?),
            "calls" => {
                while words.left() {
                    self.read_calls(words)?;
                }
            }
            "at" => {
                let at = words.time()?;
                let order = order(words, self.nodes.unwrap_or(3))?;
                self.scenes.push(Scene { at, order });
            }
            _ => {
                let what = "a line begins with nodes, theme, time, calls, pause, settle or at";
                return Err(words.bad(what));
            }
        }
        Ok(())
    }

    fn read_calls(&mut self, words: &mut Words<'_>) -> Result<(), Fault> {
        let count = words.number("how many")?;
        let few = usize::try_from(count).ok().filter(|count| *count <= 64);
        let few = few.ok_or_else(|| words.bad("64 is the most"))?;
        match words.next("callers, watchers, holders or keys")? {
            "callers" => self.callers = Some(few),
            "watchers" => self.watchers = Some(few),
            "holders" => self.holders = Some(few),
            "keys" if few > 0 => self.keys = Some(count),
            _ => return Err(words.bad("there are callers, watchers, holders and keys")),
        }
        Ok(())
    }

    /// When the last cut is ordered, pause or hung disk.
    #[must_use]
    pub fn last_cut(&self) -> Option<Duration> {
        let cuts = self.scenes.iter().filter(|scene| {
            let order = &scene.order;
            let cut = matches!(order, Order::Isolate(_) | Order::Between(..) | Order::OneWay(..));
            cut || matches!(order, Order::Hang(..) | Order::Pause(..))
        });
        cuts.map(|scene| scene.at).max()
    }

    /// What the seed drew, with this plan instead of its misfortunes.
    pub(crate) fn set(&self, draw: &mut Draw) {
        draw.quiet();
        draw.nodes = self.nodes.unwrap_or(draw.nodes);
        draw.chaos = self.time.unwrap_or(draw.chaos);
        let callers = &mut draw.callers;
        callers.callers = self.callers.unwrap_or(callers.callers);
        callers.watchers = self.watchers.unwrap_or(callers.watchers);
        callers.holders = self.holders.unwrap_or(callers.holders);
        callers.keys = self.keys.unwrap_or(callers.keys);
        callers.think = self.think.unwrap_or(callers.think);
    }
}

/// What can be ordered.
const VERBS: &[&str] = &[
    "kill", "power", "start", "pause", "slow", "hang", "jump", "cut", "mend", "fill", "free",
    "lose", "leave", "move",
];

fn order(words: &mut Words<'_>, size: usize) -> Result<Order, Fault> {
    let verb = words.next("what is to be done")?;
    if !VERBS.contains(&verb) {
        return Err(words.bad(&format!("known are {}", VERBS.join(", "))));
    }
    if verb == "mend" && !words.left() {
        return Ok(Order::Mend(None));
    }
    let who = words.who(size)?;
    Ok(match verb {
        "kill" => Order::Kill(who),
        "power" => Order::Power(who),
        "start" => Order::Start(who),
        "pause" => Order::Pause(who, words.time()?),
        "slow" => Order::Slow(who, words.time()?),
        "hang" => Order::Hang(who, words.time()?),
        "jump" => Order::Jump(who, words.time()?),
        "mend" => Order::Mend(Some(who)),
        "fill" => Order::Fill(who),
        "free" => Order::Free(who),
        "lose" => Order::Lose(who),
        "leave" => Order::Leave(who),
        "move" => Order::Move(who),
        _ if !words.left() => Order::Isolate(who),
        _ if words.peek() == Some("to") => {
            words.next("to")?;
            Order::OneWay(who, words.who(size)?)
        }
        _ => Order::Between(who, words.who(size)?),
    })
}

/// The words of a line, with the place of the one that was read last.
struct Words<'a> {
    line: usize,
    read: usize,
    words: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn new(line: usize, text: &'a str) -> Self {
        Self { line, read: 0, words: text.split_whitespace().collect() }
    }

    fn left(&self) -> bool {
        self.read < self.words.len()
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.read).copied()
    }

    fn next(&mut self, wanted: &str) -> Result<&'a str, Fault> {
        let word = self.peek();
        self.read += 1;
        word.ok_or_else(|| self.fault(format!("{wanted} is missing")))
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(word) => {
                self.read += 1;
                Err(self.fault(format!("{word:?} is one word too many")))
            }
        }
    }

    fn number(&mut self, wanted: &str) -> Result<u64, Fault> {
        let word = self.next(wanted)?;
        word.parse().map_err(|_| self.fault(format!("{word:?} is no number")))
    }

    fn time(&mut self) -> Result<Duration, Fault> {
        let word = self.next("a time such as 500ms or 2s")?;
        let split = word.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(word.len());
        let (number, unit) = word.split_at(split);
        let time = match (number.parse::<u32>(), unit) {
            (Ok(number), "ms") => Some(Duration::from_millis(number.into())),
            (Ok(number), "s") => Some(Duration::from_secs(number.into())),
            _ => None,
        };
        let why = || self.fault(format!("{word:?} is no time such as 500ms or 2s, at most 600s"));
        time.filter(|time| *time <= TIME_MAX).ok_or_else(why)
    }

    fn who(&mut self, size: usize) -> Result<Who, Fault> {
        let word = self.next("a node")?;
        match word {
            "leader" => return Ok(Who::Leader),
            "follower" => return Ok(Who::Follower(0)),
            "others" => return Ok(Who::Others),
            "all" => return Ok(Who::All),
            _ => {}
        }
        let number = |name: &str| {
            let number = word.strip_prefix(name).and_then(|number| number.parse::<usize>().ok());
            number.and_then(|number| number.checked_sub(1)).filter(|node| *node < size)
        };
        let follower = number("follower").map(Who::Follower);
        let why = || {
            self.fault(format!(
                "{word:?} is none of n1 to n{size}, leader, follower, others and all"
            ))
        };
        number("n").map(Who::Node).or(follower).ok_or_else(why)
    }

    fn elections(&mut self) -> Result<u32, Fault> {
        let count = self.number("how many election timeouts")?;
        let few = u32::try_from(count).ok().filter(|count| (1..=100).contains(count));
        let few = few.ok_or_else(|| self.bad("1 to 100 elections"))?;
        match self.next("elections")? {
            "elections" => Ok(few),
            _ => Err(self.bad("it is counted in elections")),
        }
    }

    /// The word that was read last does not fit.
    fn bad(&self, what: &str) -> Fault {
        let word = self.read.checked_sub(1).and_then(|at| self.words.get(at)).copied();
        self.fault(format!("{:?}: {what}", word.unwrap_or_default()))
    }

    fn fault(&self, what: String) -> Fault {
        Fault { line: self.line, word: self.read.max(1), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_scenario_is_read_and_has_a_sentence() {
        for (name, sentence) in named() {
            let scenario = Scenario::parse(text(name).expect("it is named")).expect(name);
            assert!(sentence.ends_with('.') && sentence.len() > 30, "{name}: {sentence}");
            let end = scenario.time.expect("a time");
            assert!(scenario.scenes.iter().all(|scene| scene.at < end), "{name} ends too early");
        }
    }

    #[test]
    fn an_order_is_what_it_says() {
        let text =
            "# A.\nnodes 5\nat 1s cut n1 to n2 # so\n\nat 1500ms pause leader 200ms\nat 2s mend";
        let scenario = Scenario::parse(text).expect("a scenario");
        let orders: Vec<Order> = scenario.scenes.into_iter().map(|scene| scene.order).collect();
        let wanted = [
            Order::OneWay(Who::Node(0), Who::Node(1)),
            Order::Pause(Who::Leader, Duration::from_millis(200)),
            Order::Mend(None),
        ];
        assert_eq!(orders, wanted);
    }

    #[test]
    fn a_fault_names_its_line_and_word() {
        let says = |text: &str| Scenario::parse(text).expect_err(text).to_string();
        for (text, wanted) in [
            ("nodes 4", "line 1, word 2: \"4\": a cluster has 1, 3, 5 or 7 nodes"),
            ("nodes 3\n\nat 1s cut n4", "line 3, word 4: \"n4\" is none of n1 to n3"),
            ("at soon kill n1", "line 1, word 2: \"soon\" is no time"),
            ("at 1s explode", "line 1, word 3: \"explode\": known are kill"),
            ("at 1s hang n1 soon", "line 1, word 5: \"soon\" is no time"),
            ("at 1s kill", "line 1, word 4: a node is missing"),
            ("at 1s kill n1 n2", "line 1, word 5: \"n2\" is one word too many"),
            ("settle 4 hours", "line 1, word 3: \"hours\": it is counted in elections"),
            ("theme weather", "line 1, word 2: \"weather\": a theme is one of mixed"),
            ("calls 3 cats", "line 1, word 3: \"cats\": there are callers"),
            ("calls 0 keys", "line 1, word 3"),
            ("dance", "line 1, word 1: \"dance\": a line begins with"),
        ] {
            let said = says(text);
            assert!(said.starts_with(wanted), "{text}: {said}");
        }
    }
}
