//! Tables in etcdctl's manner: ASCII lines, titles in the middle, cells at the right.

/// A table. Every row has as many cells as there are titles.
pub(super) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> Vec<u8> {
    let titles = titles.map(str::to_uppercase);
    let mut widths = titles.each_ref().map(|title| width(title));
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let rule = rule(&widths);
    let mut out = rule.clone();
    out.push_str(&line(&titles, &widths, middle));
    out.push_str(&rule);
    for row in rows {
        out.push_str(&line(row, &widths, |room| room));
    }
    if !rows.is_empty() {
        out.push_str(&rule);
    }
    out.into_bytes()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn rule(widths: &[usize]) -> String {
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    format!("+{}+\n", dashes.join("+"))
}

/// `left` says how much of the room that is left over stands before the text.
fn line(cells: &[String], widths: &[usize], left: impl Fn(usize) -> usize) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, widest)| {
        let room = widest.saturating_sub(width(cell));
        let before = left(room);
        format!(" {}{cell}{} ", " ".repeat(before), " ".repeat(room - before))
    });
    format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
}

/// The odd space stands behind.
fn middle(room: usize) -> usize {
    room / 2
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn titles_stand_in_the_middle_and_cells_at_the_right() {
        let rows = [["127.0.0.1:1".to_owned(), String::new()], ["b".to_owned(), "x".to_owned()]];
        let text = String::from_utf8(table(["endpoint", "error"], &rows)).unwrap_or_default();
        let expected = "\
+-------------+-------+
|  ENDPOINT   | ERROR |
+-------------+-------+
| 127.0.0.1:1 |       |
|           b |     x |
+-------------+-------+
";
        assert_eq!(text, expected);
    }
}
