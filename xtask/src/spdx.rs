//! Does a licence expression leave us a choice that we may take?
//!
//! The grammar is SPDX annex D, reduced to what crates write: names, `WITH`,
//! `AND` before `OR`, parentheses, and the old `/` that means `OR`.

/// Whether some choice of alternatives consists of allowed licences only.
/// A licence that comes `WITH` an exception is asked for as one name.
pub(crate) fn satisfied(text: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let words = words(text);
    let mut reader = Reader { words: &words, allowed };
    let answer = reader.either()?;
    match reader.words.first() {
        None => Ok(answer),
        Some(word) => Err(format!("`{word}` is not expected in `{text}`")),
    }
}

fn words(text: &str) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    spaced.split_whitespace().map(ToString::to_string).collect()
}

struct Reader<'a> {
    words: &'a [String],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    fn either(&mut self) -> Result<bool, String> {
        let mut answer = self.both()?;
        while self.take("OR") {
            answer |= self.both()?;
        }
        Ok(answer)
    }

    fn both(&mut self) -> Result<bool, String> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let answer = self.either()?;
            return if self.take(")") { Ok(answer) } else { Err("`)` is missing".into()) };
        }
        let name = self.name()?;
        if !self.take("WITH") {
            return Ok((self.allowed)(name));
        }
        let exception = self.name()?;
        Ok((self.allowed)(&format!("{name} WITH {exception}")))
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.words.split_first() {
            Some((first, rest)) if !matches!(first.as_str(), "OR" | "AND" | "WITH" | ")") => {
                self.words = rest;
                Ok(first)
            }
            Some((first, _)) => Err(format!("a licence is expected before `{first}`")),
            None => Err("a licence is expected at the end".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    fn ok(text: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        satisfied(text, &|name| allowed.contains(&name)).unwrap()
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        assert!(ok("MIT"));
        assert!(ok("GPL-3.0 OR MIT"));
        assert!(ok("MIT/Apache-2.0"));
        assert!(ok("Unlicense / MIT"));
        assert!(ok("(MIT OR GPL-3.0) AND Unicode-3.0"));
        assert!(ok("GPL-2.0 WITH Classpath-exception-2.0 OR Apache-2.0 WITH LLVM-exception"));
    }

    #[test]
    fn what_is_joined_by_and_is_all_needed() {
        assert!(!ok("GPL-3.0"));
        assert!(!ok("MIT AND GPL-3.0"));
        assert!(!ok("MIT AND (GPL-3.0 OR AGPL-3.0)"));
        assert!(!ok("MIT WITH LLVM-exception"));
    }

    #[test]
    fn and_binds_before_or() {
        assert!(ok("MIT OR GPL-3.0 AND AGPL-3.0"));
        assert!(!ok("(MIT OR GPL-3.0) AND AGPL-3.0"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "MIT OR", "MIT MIT", "(MIT", "MIT)", "AND MIT", "MIT WITH"] {
            assert!(satisfied(text, &|_| true).is_err(), "{text}");
        }
    }
}
