//! `sim`: the cluster in a world made from a seed.

mod args;
mod effort;
mod told;

use crate::failure::Failure;
use args::{ReplayArgs, RunArgs, ShrinkArgs, SimArgs, SimVerb, WorldArgs};
use clap::Parser;
use effort::{Effort, Ticker};
use sim::Options;
use sim::draw::Theme;
use sim::picture::{self, Window};
use sim::report::Report;
use sim::scenario::{self, Scenario};
use sim::world::Keep;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const BROKEN: &str = "a promise was broken, see above";

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let words = std::iter::once(OsString::from("trimaran sim")).chain(words.iter().cloned());
    match SimArgs::try_parse_from(words)?.verb {
        SimVerb::Run(args) if args.seeds.is_some() => many(&args),
        SimVerb::Run(args) => one(&args),
        SimVerb::Replay(args) => replay(&args),
        SimVerb::Ls => ls(),
        SimVerb::Shrink(args) => shrink(&args),
    }
}

fn options(
    seed: u64,
    scenario: Option<&str>,
    world: &WorldArgs,
    keep: Keep,
) -> Result<Options, Failure> {
    Ok(Options {
        seed,
        theme: world.theme.map(Theme::from),
        protocol: world.protocol,
        nodes: world.nodes,
        time: world.time,
        lying_disk: world.lying_disk,
        rotten_disk: false,
        scenario: scenario.map(read).transpose()?,
        keep,
    })
}

/// A scenario by its name, or from a file.
fn read(name: &str) -> Result<Scenario, Failure> {
    let named = scenario::text(name).map(ToString::to_string);
    let text = match named {
        Some(text) => text,
        None if Path::new(name).is_file() => fs::read_to_string(name)
            .map_err(|error| Failure::io(&format!("read {name}"), &error))?,
        None => {
            let names: Vec<&str> = scenario::named().into_iter().map(|(name, _)| name).collect();
            let names = names.join(", ");
            return Err(Failure::arguments(format!(
                "{name:?} is no file and no scenario; there are {names}"
            )));
        }
    };
    let scenario = Scenario::parse(&text);
    let mut scenario = scenario.map_err(|fault| Failure::input(format!("{name}, {fault}")))?;
    scenario.name = name.into();
    Ok(scenario)
}

fn one(args: &RunArgs) -> Result<(), Failure> {
    let film = args.html.is_some() || args.svg.is_some();
    let keep = Keep { story: args.story, film, ..Keep::default() };
    let seed = args.seed.unwrap_or(1);
    let options = options(seed, args.scenario.as_deref(), &args.world, keep)?;
    // Whoever cannot have the picture wants to know before the run.
    let pages = [&args.html, &args.svg].map(|path| path.as_deref().map(open).transpose());
    let [html, svg] = pages;
    let (html, svg) = (html?, svg?);
    let effort = Effort::begin();
    let report = sim::run(options);
    let spent = effort.spent(&report.counts);
    let window = Window::first_election(&report);
    draw(html, || picture::html(&report, window))?;
    draw(svg, || picture::svg(&report, window))?;
    if args.json {
        print(&format!("{},{}}}", sim::json::report(&report), spent.json()))?;
    } else {
        print(&report.to_string())?;
        eprintln!("{spent}");
    }
    if report.passed() { Ok(()) } else { Err(Failure::error(BROKEN)) }
}

fn many(args: &RunArgs) -> Result<(), Failure> {
    let text = args.seeds.as_deref().unwrap_or_default();
    let seeds = args::seeds(text, args.seed).map_err(Failure::arguments)?;
    let options = options(0, args.scenario.as_deref(), &args.world, Keep::default())?;
    let jobs = usize::try_from(args.jobs).unwrap_or(1);
    let (effort, ticker) = (Effort::begin(), Ticker::new());
    let report = sim::swarm::swarm_with(seeds, &options, jobs, &|progress| ticker.tell(progress));
    ticker.end();
    let spent = effort.spent(&report.counts);
    if args.json {
        print(&format!("{},{}}}", sim::json::swarm(&report), spent.json()))?;
    } else {
        print(&report.to_string())?;
        eprintln!("{spent}");
    }
    if report.passed() { Ok(()) } else { Err(Failure::error(BROKEN)) }
}

fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let keep = Keep { film: true, ..Keep::default() };
    let report = sim::run(options(args.seed, args.scenario.as_deref(), &args.world, keep)?);
    print(&told::tell(&report, args.all))?;
    if report.passed() { Ok(()) } else { Err(Failure::error(BROKEN)) }
}

fn ls() -> Result<(), Failure> {
    let lines: Vec<String> =
        scenario::named().iter().map(|(name, about)| format!("{name:<16} {about}")).collect();
    print(&lines.join("\n"))
}

fn shrink(args: &ShrinkArgs) -> Result<(), Failure> {
    let options = options(args.seed, None, &args.world, Keep::default())?;
    let html = args.html.as_deref().map(open).transpose()?;
    let ticker = Ticker::new();
    let shrunk = sim::shrink::shrink(&options, args.runs, &mut |runs, left| {
        ticker.say(|| format!("{runs} runs, {left} steps left"));
    });
    ticker.end();
    let shrunk = shrunk.map_err(|why| Failure::error(format!("seed {}: {why}", args.seed)))?;
    draw(html, || picture::html(&shrunk.report, Window::first_election(&shrunk.report)))?;
    print(&shrunk.to_string())
}

/// A file to draw into, and its name.
type Page = (PathBuf, File);

fn open(path: &Path) -> Result<Page, Failure> {
    let file = File::create(path)
        .map_err(|error| Failure::io(&format!("write {}", path.display()), &error))?;
    Ok((path.into(), file))
}

fn draw(page: Option<Page>, picture: impl FnOnce() -> String) -> Result<(), Failure> {
    let Some((path, mut file)) = page else { return Ok(()) };
    let text = picture();
    file.write_all(text.as_bytes())
        .map_err(|error| Failure::io(&format!("write {}", path.display()), &error))?;
    eprintln!("{} is drawn: {} KiB", path.display(), text.len().div_ceil(1024));
    Ok(())
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(|error| Failure::io("print", &error))
}

/// How a run that was told ends.
fn passed(report: &Report) -> String {
    match report.violations.as_slice() {
        [] => "passed: every promise was kept".into(),
        found => {
            let found: Vec<String> = found.iter().map(|it| format!("  {it}")).collect();
            format!("FAILED\n{}", found.join("\n"))
        }
    }
}
