//! Examples as text.
//!
//! `$ WORDS` is an example, told to the program; `'…'` keeps words together. Lines that
//! begin with `<` are told to its stdin, `!` is what somebody else does while it
//! runs. `[lines=3]` before the words: it is ended after so many lines. `[sorted]`: lines in
//! any order. `[took]`, `[sizes]`, `[perf]`, `[hash]`: see `mask.rs`.

/// One example.
#[derive(Debug, Default)]
pub(crate) struct Example {
    /// As it stands in the text, without its brackets.
    pub(crate) line: String,
    pub(crate) words: Vec<String>,
    pub(crate) marks: Vec<String>,
    pub(crate) input: Vec<String>,
    pub(crate) meanwhile: Vec<Vec<String>>,
}

impl Example {
    pub(crate) fn marked(&self, mark: &str) -> bool {
        self.marks.iter().any(|it| it == mark)
    }

    /// After how many lines it is ended, if it does not end by itself.
    pub(crate) fn lines(&self) -> Option<usize> {
        let count = self.marks.iter().find_map(|mark| mark.strip_prefix("lines="))?;
        Some(count.parse().expect("a number of lines"))
    }
}

pub(crate) fn parse(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for line in text.lines() {
        let (sign, rest) = line.split_at(line.len().min(1));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let last = examples.last_mut();
        match sign {
            "$" => examples.push(example(rest)),
            "<" => last.expect("an example first").input.push(rest.to_owned()),
            "!" => last.expect("an example first").meanwhile.push(split(rest)),
            "" | "#" => (),
            _ => panic!("no example: {line:?}"),
        }
    }
    examples
}

fn example(mut line: &str) -> Example {
    let mut marks = Vec::new();
    while let Some((mark, rest)) = line.strip_prefix('[').and_then(|it| it.split_once("] ")) {
        marks.push(mark.to_owned());
        line = rest;
    }
    Example { line: line.to_owned(), words: split(line), marks, ..Example::default() }
}

fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut begun, mut quoted) = (String::new(), false, false);
    for sign in line.chars() {
        match sign {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            sign => {
                word.push(sign);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[test]
fn examples_are_read_as_written() {
    let text = "# put\n$ put k 'a b' ''\n\n$ [lines=2] [sorted] watch -i\n< watch k\n! put k v\n";
    let examples = parse(text);
    let [put, watch] = examples.as_slice() else { panic!("two examples: {examples:?}") };
    assert_eq!(
        (put.line.as_str(), put.words.as_slice()),
        ("put k 'a b' ''", &["put", "k", "a b", ""].map(String::from)[..])
    );
    assert_eq!(
        (watch.lines(), watch.marked("sorted"), watch.marked("took")),
        (Some(2), true, false)
    );
    assert_eq!((watch.input.len(), watch.meanwhile.len()), (1, 1));
}
