//! A Rust file without its words: comments, strings and tests become spaces.
//!
//! Rules that look for names and braces would otherwise trip over prose. Lines
//! keep their numbers, so a finding in the mask is a finding in the file.

use std::ops::Range;

/// Blanks comments and what stands between quotes. The quotes stay.
pub(super) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut mask = Mask { chars: &chars, at: 0, out: String::with_capacity(text.len()) };
    while let Some(here) = mask.peek(0) {
        mask.one(here);
    }
    mask.out
}

struct Mask<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
}

impl Mask<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn one(&mut self, here: char) {
        match (here, self.peek(1)) {
            ('/', Some('/')) => self.blank_while(|mask| mask.peek(0).is_some_and(|c| c != '\n')),
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            _ if here.is_alphanumeric() || here == '_' => self.word(),
            _ => self.keep(),
        }
    }

    fn keep(&mut self) {
        self.out.extend(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self) {
        self.out.extend(self.peek(0).map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.at += 1;
    }

    fn blank_while(&mut self, go_on: impl Fn(&Self) -> bool) {
        while go_on(self) {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(here) = self.peek(0) {
            match (here, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(here) = self.peek(0) {
            match here {
                '"' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    /// A character in quotes, or a lifetime: `'a'`, `'\n'`, but not `'a`.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            return self.keep();
        }
        self.keep();
        self.blank();
        if escaped {
            self.blank();
        }
        self.blank_while(|mask| mask.peek(0).is_some_and(|c| c != '\''));
        self.keep();
    }

    /// A name or number; `r"…"`, `br#"…"#` and their kin begin like one.
    fn word(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.keep();
        }
        let word: String = self.chars.iter().take(self.at).skip(start).collect();
        if !matches!(word.as_str(), "r" | "br" | "cr") {
            return;
        }
        let hashes = self.chars.iter().skip(self.at).take_while(|&&c| c == '#').count();
        if self.peek(hashes) == Some('"') {
            self.raw_string(hashes);
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        (0..=hashes).for_each(|_| self.keep());
        let closes = |mask: &Self| {
            mask.peek(0) == Some('"') && (1..=hashes).all(|ahead| mask.peek(ahead) == Some('#'))
        };
        self.blank_while(|mask| mask.peek(0).is_some() && !closes(mask));
        (0..=hashes).for_each(|_| self.keep());
    }
}

/// Blanks every item under `#[cfg(test)]`, given masked code.
pub(super) fn without_tests(code: &str) -> String {
    let mut chars: Vec<char> = code.chars().collect();
    for span in test_spans(&chars) {
        let item = chars.iter_mut().take(span.end).skip(span.start);
        item.filter(|c| **c != '\n').for_each(|c| *c = ' ');
    }
    chars.into_iter().collect()
}

/// How many lines those items take.
pub(super) fn test_lines(code: &str) -> usize {
    let chars: Vec<char> = code.chars().collect();
    let lines = |span: Range<usize>| {
        chars.iter().take(span.end).skip(span.start).filter(|c| **c == '\n').count() + 1
    };
    test_spans(&chars).into_iter().map(lines).sum()
}

fn test_spans(chars: &[char]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some(start) = find(chars, from, "#[cfg(test)]") {
        from = item_end(chars, start);
        spans.push(start..from);
    }
    spans
}

/// The modules declared under `#[cfg(test)]` that live in files of their own.
pub(super) fn test_modules(code: &str) -> Vec<String> {
    let after = code.split("#[cfg(test)]").skip(1);
    let declared = after.filter_map(|rest| {
        let item = rest.trim_start();
        let seen = ["pub(crate) ", "pub(super) ", "pub "];
        let bare = seen.iter().find_map(|word| item.strip_prefix(word)).unwrap_or(item);
        bare.strip_prefix("mod ")
    });
    declared
        .filter_map(|rest| {
            let name: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rest.get(name.len()..)?.starts_with(';').then_some(name)
        })
        .collect()
}

fn find(chars: &[char], from: usize, wanted: &str) -> Option<usize> {
    let wanted: Vec<char> = wanted.chars().collect();
    let rest = chars.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

/// The end of the item whose first attribute begins at `start`: its closing
/// brace, or the semicolon (or comma, of a field or variant) outside brackets.
fn item_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0_i32;
    for (at, here) in chars.iter().enumerate().skip(start) {
        match here {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
        if depth < 0 {
            return at;
        }
        if *here == '}' && depth == 0 {
            return at + 1;
        }
    }
    chars.len()
}

#[cfg(test)]
mod tests {
    use super::{code, test_modules, without_tests};

    #[test]
    fn prose_is_blanked_and_code_stays() {
        let cases = [
            ("a // std::fs\nb", "a           \nb"),
            ("a /* x /* y */ z */ b", "a                   b"),
            (r#"f("un\"safe") g"#, r#"f("        ") g"#),
            (r##"r#"a "q" }"# x"##, r##"r#"       "# x"##),
            ("'{' '\\'' 'a 'b'", "' ' '  ' 'a ' '"),
            ("b\"}\" br\"}\"", "b\" \" br\" \""),
        ];
        for (text, mask) in cases {
            assert_eq!(code(text), mask, "{text}");
        }
    }

    #[test]
    fn tests_are_blanked_by_item() {
        let text = "a\n#[cfg(test)]\nmod tests { fn x() {} }\nfn b() {}\n#[cfg(test)] use c;\nd";
        let left = without_tests(text);
        assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["a", "fn", "b()", "{}", "d"]);
        assert_eq!(left.lines().count(), text.lines().count());
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_named() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod here {}\nmod real;\n\
                    #[cfg(test)]\npub(crate) mod model;";
        assert_eq!(test_modules(text), ["tests", "model"]);
    }
}
