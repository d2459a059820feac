//! The paths that a file names: `use` trees written out, and paths in the code.

/// One path with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    /// Its parts; `*` for everything.
    pub(super) parts: Vec<String>,
    /// Whether a `use` names it.
    pub(super) used: bool,
}

/// Every path of two parts or more in masked code, and every `use`.
pub(super) fn named(code: &str) -> Vec<Named> {
    let tokens = tokens(code);
    let mut reader = Reader { tokens: &tokens, at: 0, found: Vec::new() };
    while let Some(here) = reader.tokens.get(reader.at) {
        reader.one(here);
    }
    reader.found
}

/// Where a path that begins with `crate`, `self` or `super` leads from the
/// crate's root, seen from `module`. Nothing for any other path.
pub(super) fn resolve(module: &[&str], parts: &[String]) -> Option<Vec<String>> {
    let (first, mut rest) = parts.split_first()?;
    let mut full: Vec<String> = module.iter().map(ToString::to_string).collect();
    match first.as_str() {
        "crate" => full.clear(),
        "self" => {}
        "super" => {
            full.pop();
            while let Some(("super", more)) = rest.split_first().map(|(a, b)| (a.as_str(), b)) {
                full.pop();
                rest = more;
            }
        }
        _ => return None,
    }
    full.extend(rest.iter().cloned());
    Some(full)
}

#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

fn tokens(code: &str) -> Vec<Token> {
    let mut all = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = token_length(rest, first);
            let (text, after) = rest.split_at(length);
            all.push(Token { line: number + 1, text: text.to_string() });
            rest = after.trim_start();
        }
    }
    all
}

fn token_length(rest: &str, first: char) -> usize {
    if rest.starts_with("::") {
        return 2;
    }
    let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    if name > 0 { name } else { first.len_utf8() }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn one(&mut self, here: &Token) {
        if here.text == "use" {
            self.at += 1;
            self.tree(&[]);
        } else if is_name(&here.text) && !self.names_visibility() {
            self.inline(here.line);
        } else {
            self.at += 1;
        }
    }

    /// `pub(in crate::raft)` names a place to be seen from, not an import.
    fn names_visibility(&self) -> bool {
        self.at > 0 && self.text(self.at - 1) == "in" && {
            self.at > 2 && self.text(self.at - 2) == "(" && self.text(self.at - 3) == "pub"
        }
    }

    fn inline(&mut self, line: usize) {
        let parts = self.parts();
        if parts.len() > 1 {
            self.found.push(Named { line, parts, used: false });
        }
    }

    /// Names joined by `::`.
    fn parts(&mut self) -> Vec<String> {
        let mut parts = vec![self.text(self.at).to_string()];
        self.at += 1;
        while self.text(self.at) == "::" && is_name(self.text(self.at + 1)) {
            parts.push(self.text(self.at + 1).to_string());
            self.at += 2;
        }
        parts
    }

    /// One branch of a `use`: a path that ends in a name, `*` or `{…}`.
    fn tree(&mut self, before: &[String]) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut parts = before.to_vec();
        if self.text(self.at) == "::" {
            self.at += 1;
        }
        if is_name(self.text(self.at)) {
            parts.extend(self.parts());
            if self.text(self.at) == "::" {
                self.at += 1;
            }
        }
        match self.text(self.at) {
            "{" => return self.branches(&parts),
            "*" => {
                parts.push("*".to_string());
                self.at += 1;
            }
            "as" => self.at += 2,
            _ => {}
        }
        self.found.push(Named { line, parts, used: true });
    }

    fn branches(&mut self, before: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() && self.text(self.at) != "}" {
            let start = self.at;
            self.tree(before);
            if self.text(self.at) == "," || self.at == start {
                self.at += 1;
            }
        }
        self.at += 1;
    }
}

fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_') && text != "as"
}

#[cfg(test)]
mod tests {
    use super::{named, resolve};

    #[test]
    fn relative_paths_are_resolved() {
        let at = |path: &str| {
            let parts: Vec<String> = path.split("::").map(ToString::to_string).collect();
            resolve(&["raft", "elect"], &parts).map(|full| full.join("::"))
        };
        assert_eq!(at("crate::log::Log").as_deref(), Some("log::Log"));
        assert_eq!(at("self::a").as_deref(), Some("raft::elect::a"));
        assert_eq!(at("super::read").as_deref(), Some("raft::read"));
        assert_eq!(at("super::super::zab").as_deref(), Some("zab"));
        assert_eq!(at("base::Time"), None);
    }

    fn found(code: &str) -> Vec<String> {
        named(code).iter().map(|path| format!("{}:{}", path.line, path.parts.join("::"))).collect()
    }

    #[test]
    fn use_trees_are_written_out() {
        let code = "use a::{b, c::{d as e, *},\n self};\npub use f;\nuse ::g::h as _;";
        let all = ["1:a::b", "1:a::c::d", "1:a::c::*", "2:a::self", "3:f", "4:g::h"];
        assert_eq!(found(code), all);
    }

    #[test]
    fn paths_in_code_are_found() {
        let code = "fn x() -> kv::watch::Event {\n Vec::<u8>::new(); base::invariant!(I1, a) }";
        assert_eq!(found(code), ["1:kv::watch::Event", "2:base::invariant"]);
    }

    #[test]
    fn a_visibility_is_not_an_import() {
        assert_eq!(found("pub(in crate::raft) fn x() {}"), Vec::<String>::new());
    }
}
