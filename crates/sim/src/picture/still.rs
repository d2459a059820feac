//! A still: a part of a run as one drawing, for pages that are read.

use super::window::{Window, escaped};
use crate::film::{Kind, Shot};
use crate::history::name;
use crate::report::{Report, VERSION};
use base::{GroupId, Time};
use core::fmt::Write;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 56.0;
const ROW: f64 = 110.0;

/// The colours of terms, one after the other: Okabe and Ito's.
const TINTS: &[&str] = &["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d5b000", "#d55e00"];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1b1b1b}.s{fill:#595959}.b{font-weight:bold}\
.w{font-size:10.5px}.t{paint-order:stroke;stroke:#fff;stroke-width:3px}path,line{fill:none;stroke-width:1.4}.paper{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#ececec}.s{fill:#b3b3b3}.paper{fill:#16181b}.t{stroke:#16181b}}";

/// Where things are.
struct Scale {
    window: Window,
    nodes: usize,
}

impl Scale {
    fn x(&self, at: Time) -> f64 {
        let Window { from, to } = self.window;
        let part = (at.0 as f64 - from.0 as f64) / (to.0 as f64 - from.0 as f64).max(1.0);
        LEFT + part * (WIDTH - LEFT - 10.0)
    }

    fn y(&self, node: usize) -> f64 {
        TOP + ROW * (node as f64 + 0.4)
    }

    fn height(&self) -> f64 {
        TOP + ROW * self.nodes as f64 + 40.0
    }
}

/// The drawing of what happened to the keyspace in this window.
#[must_use]
pub fn svg(report: &Report, window: Window) -> String {
    let scale = Scale { window, nodes: report.draw.nodes };
    let height = scale.height();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>Seed {} of trimaran {VERSION}, {} to {}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        report.seed, window.from, window.to
    );
    rule(&mut out, &scale);
    let ours = |shot: &&Shot| shot.group.is_none_or(|group| group == GroupId::DEFAULT);
    let film: Vec<&Shot> = report.film.iter().filter(ours).collect();
    leaderships(&mut out, &scale, &film);
    lanes(&mut out, &scale);
    let inside = |shot: &&&Shot| {
        shot.at <= window.to && shot.end.unwrap_or(shot.at).max(shot.at) >= window.from
    };
    for shot in film.iter().filter(inside) {
        match (shot.node, shot.to) {
            (Some(from), Some(to)) if shot.kind < Kind::Lead => {
                arrow(&mut out, &scale, shot, from, to)
            }
            (Some(node), None) => mark(&mut out, &scale, shot, node),
            _ => {}
        }
    }
    legend(&mut out, height);
    out.push_str("</svg>\n");
    out
}

fn put(out: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn rule(out: &mut String, scale: &Scale) {
    let Window { from, to } = scale.window;
    let span = (to.0.saturating_sub(from.0)).max(1);
    let steps =
        [1u64, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000].map(|it| it * 1_000_000);
    let step = steps.into_iter().find(|step| span / step <= 12).unwrap_or(10_000_000_000);
    let mut at = from.0.div_ceil(step) * step;
    while at <= to.0 {
        let x = scale.x(Time(at));
        let bottom = scale.height() - 36.0;
        put(
            out,
            format_args!(
                "<line x1=\"{x:.1}\" y1=\"24\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#8a8a8a\" stroke-opacity=\".25\"/>"
            ),
        );
        put(
            out,
            format_args!(
                "<text class=\"s\" x=\"{x:.1}\" y=\"16\" text-anchor=\"middle\">{} ms</text>",
                at / 1_000_000
            ),
        );
        at += step;
    }
}

fn lanes(out: &mut String, scale: &Scale) {
    for node in 0..scale.nodes {
        let y = scale.y(node);
        put(
            out,
            format_args!(
                "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\" stroke=\"#8a8a8a\"/>"
            ),
        );
        put(
            out,
            format_args!("<text class=\"b\" x=\"12\" y=\"{}\">{}</text>", y + 5.0, name(node)),
        );
    }
}

/// A band from the moment at which a node leads to the next at which it does not.
fn leaderships(out: &mut String, scale: &Scale, film: &[&Shot]) {
    for (at, shot) in film.iter().enumerate().filter(|(_, shot)| shot.kind == Kind::Lead) {
        let ends = |it: &&&Shot| {
            it.node == shot.node
                && matches!(it.kind, Kind::Lead | Kind::Follow | Kind::Crash | Kind::Power)
        };
        let end = film.iter().skip(at + 1).find(ends).map_or(scale.window.to, |it| it.at);
        let end = end.min(scale.window.to);
        if end < scale.window.from || shot.at > scale.window.to {
            continue;
        }
        let begin = shot.at.max(scale.window.from);
        let (x, y) = (scale.x(begin), scale.y(shot.node.unwrap_or(0)));
        let (width, term) = ((scale.x(end) - x).max(2.0), shot.term);
        let tint = TINTS.get(term as usize % TINTS.len()).copied().unwrap_or("#56b4e9");
        put(
            out,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"26\" fill=\"{tint}\" fill-opacity=\".4\"/>",
                y - 13.0
            ),
        );
        put(
            out,
            format_args!(
                "<text class=\"t\" x=\"{:.1}\" y=\"{}\">★ leader of term {term}</text>",
                x + 4.0,
                y - 18.0
            ),
        );
    }
}

/// The colour of a kind of message.
const fn ink(kind: Kind) -> &'static str {
    match kind {
        Kind::Append => "#2a83b5",
        Kind::Heartbeat => "#85929e",
        Kind::Vote => "#d55e00",
        Kind::Read => "#56a8d8",
        Kind::Forward => "#b57b00",
        Kind::Transfer => "#b8568e",
        _ => "#777777",
    }
}

fn arrow(out: &mut String, scale: &Scale, shot: &Shot, from: usize, to: usize) {
    let (x, y) = (scale.x(shot.at), scale.y(from));
    let (mut end_x, mut end_y) = match shot.end {
        Some(end) => (scale.x(end), scale.y(to)),
        None => (x + 16.0, scale.y(to)),
    };
    if shot.end.is_none() {
        (end_x, end_y) = (x.midpoint(end_x), y.midpoint(end_y));
    }
    let ink = ink(shot.kind);
    let dash = if shot.lost { " stroke-dasharray=\"5 4\"" } else { "" };
    let title = escaped(&shot.say);
    put(
        out,
        format_args!(
            "<g stroke=\"{ink}\"><title>{title}</title><line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{end_x:.1}\" y2=\"{end_y:.1}\"{dash}/>"
        ),
    );
    if shot.lost {
        put(
            out,
            format_args!("<path d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/></g>", end_x - 4.0, end_y - 4.0),
        );
    } else {
        let turn = (end_y - y).atan2(end_x - x);
        let wing = |by: f64| (end_x + 8.0 * (turn + by).cos(), end_y + 8.0 * (turn + by).sin());
        let ((ax, ay), (bx, by)) = (wing(2.75), wing(-2.75));
        put(
            out,
            format_args!(
                "<path style=\"fill:{ink}\" d=\"M{end_x:.1} {end_y:.1}L{ax:.1} {ay:.1}L{bx:.1} {by:.1}Z\"/></g>"
            ),
        );
    }
    if shot.kind == Kind::Vote {
        let word = shot.say.split([':', ';']).next().unwrap_or_default();
        let (at_x, at_y) = (x + (end_x - x) * 0.3, y + (end_y - y) * 0.3);
        let turn = (end_y - y).atan2(end_x - x).to_degrees();
        put(
            out,
            format_args!(
                "<text class=\"w t\" style=\"fill:{ink}\" transform=\"translate({at_x:.1} {at_y:.1}) rotate({turn:.1})\" x=\"3\" y=\"-3\">{}</text>",
                escaped(word)
            ),
        );
    }
}

fn mark(out: &mut String, scale: &Scale, shot: &Shot, node: usize) {
    let (x, y) = (scale.x(shot.at), scale.y(node));
    let end = shot.end.map_or(x + 14.0, |end| scale.x(end));
    let title = escaped(&shot.say);
    let good = if shot.lost { "#d55e00" } else { "#009e73" };
    match shot.kind {
        Kind::Sync => put(
            out,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"4\" fill=\"#777777\"><title>{title}</title></rect>",
                y + 4.0,
                (end - x).max(1.0)
            ),
        ),
        Kind::Commit => put(
            out,
            format_args!(
                "<path style=\"fill:#009e73\" d=\"M{:.1} {:.1}h8l-4 8Z\"><title>{title}</title></path>",
                x - 4.0,
                y - 9.0
            ),
        ),
        Kind::Call => {
            let close = if shot.end.is_some() { "v-7" } else { "" };
            put(
                out,
                format_args!(
                    "<path stroke=\"{good}\" d=\"M{x:.1} {:.1}v7H{end:.1}{close}\"><title>{title}</title></path>",
                    y + 16.0
                ),
            );
        }
        Kind::Pause => put(
            out,
            format_args!(
                "<line x1=\"{x:.1}\" y1=\"{y}\" x2=\"{end:.1}\" y2=\"{y}\" stroke=\"#8a8a8a\" style=\"stroke-width:9\"><title>{title}</title></line>"
            ),
        ),
        Kind::Lead | Kind::Follow | Kind::Note => {}
        kind => {
            let sign = match kind {
                Kind::Crash => "✕",
                Kind::Power => "ϟ",
                Kind::Start => "▸",
                Kind::Checkpoint => "◆",
                Kind::Cut => "▨",
                _ => "!",
            };
            put(
                out,
                format_args!(
                    "<text class=\"b\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"17\">{sign}<title>{title}</title></text>",
                    y + 5.0
                ),
            );
        }
    }
}

fn legend(out: &mut String, height: f64) {
    let y = height - 14.0;
    let mut x = LEFT;
    for kind in [Kind::Vote, Kind::Append, Kind::Heartbeat, Kind::Read, Kind::Forward] {
        put(
            out,
            format_args!(
                "<line x1=\"{x}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" style=\"stroke-width:3\"/>",
                y - 4.0,
                x + 22.0,
                y - 4.0,
                ink(kind)
            ),
        );
        put(out, format_args!("<text x=\"{}\" y=\"{y}\">{}</text>", x + 27.0, kind.word()));
        x += 45.0 + 7.4 * kind.word().len() as f64;
    }
    put(
        out,
        format_args!("<text x=\"{x}\" y=\"{y}\">▾ committed   ▂ on disk   ⊔ client call</text>"),
    );
}
