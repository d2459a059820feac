//! No room may eat the others.

use super::tree::{Source, Tree};
use super::{Finding, mask};

/// Lines of a file, tests apart.
const FILE_MAX: usize = 800;
/// Above this a file is worth a second look.
const FILE_LOOK: usize = 450;
/// Lines of a function.
const FUNCTION_MAX: usize = 70;

/// Functions that are tables of like things: path, name, reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// Counts the lines of every source file and function.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources().flat_map(|source| file(&source).into_iter().chain(long(&source))).collect()
}

fn file(source: &Source<'_>) -> Option<Finding> {
    let path = &source.file.path;
    let lines = lines_without_tests(source);
    if lines > FILE_MAX {
        let say =
            format!("{lines} lines without tests, at most {FILE_MAX}: give a job its own file");
        return Some(Finding::fault(path, 1, "sizes", say));
    }
    let say = || format!("{lines} lines without tests: does it do two jobs?");
    (lines > FILE_LOOK).then(|| Finding::warning(path, 1, "sizes", say()))
}

/// Comments count, for they are read too.
fn lines_without_tests(source: &Source<'_>) -> usize {
    let text = &source.file.text;
    text.lines().count() - mask::test_lines(&mask::code(text))
}

fn long<'a>(source: &Source<'a>) -> impl Iterator<Item = Finding> + use<'a> {
    let path = source.file.path.as_str();
    functions(&source.file.code)
        .into_iter()
        .filter(move |function| {
            let exempt = LONG_FUNCTIONS
                .iter()
                .any(|(file, name, _)| *file == path && *name == function.name);
            function.lines > FUNCTION_MAX && !exempt
        })
        .map(move |Function { name, line, lines }| {
            let say = format!("`{name}` has {lines} lines, at most {FUNCTION_MAX}: name its parts");
            Finding::fault(path, line, "sizes", say)
        })
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function with a body, from its `fn` to its closing brace.
fn functions(code: &str) -> Vec<Function> {
    let starts = code.match_indices("fn ").filter(|(at, _)| {
        let before = code.get(..*at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    starts.filter_map(|(at, _)| function(code, at)).collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let (before, from) = code.split_at_checked(at)?;
    let rest = from.get(3..)?.trim_start();
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return None;
    }
    let body = from.get(..body_end(from)?)?;
    Some(Function {
        name,
        line: before.matches('\n').count() + 1,
        lines: body.matches('\n').count() + 1,
    })
}

/// Where the body's brace closes; nothing if the function has no body.
fn body_end(from: &str) -> Option<usize> {
    let (mut depth, mut brackets) = (0_i32, 0_i32);
    for (at, here) in from.char_indices() {
        match here {
            '(' | '[' if depth == 0 => brackets += 1,
            ')' | ']' if depth == 0 => brackets -= 1,
            ';' if depth == 0 && brackets == 0 => return None,
            '{' if brackets == 0 => depth += 1,
            '}' if brackets == 0 => depth -= 1,
            _ => continue,
        }
        if here == '}' && depth == 0 && brackets == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::super::tree::tree;
    use super::{check, functions};

    fn weights(text: &str) -> Vec<Weight> {
        check(&tree(&[("crates/kv/src/a.rs", text)]))
            .into_iter()
            .map(|found| found.weight)
            .collect()
    }

    #[test]
    fn long_files_are_told() {
        assert_eq!(weights(&"const A: u8 = 1;\n".repeat(450)), []);
        assert_eq!(weights(&"const A: u8 = 1;\n".repeat(451)), [Weight::Warning]);
        assert_eq!(weights(&"// why\n".repeat(801)), [Weight::Fault]);
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn a() {}\n".repeat(900));
        assert_eq!(weights(&tests), []);
    }

    #[test]
    fn long_functions_are_told() {
        let body = |lines: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(lines));
        assert_eq!(weights(&body(68)), []);
        assert_eq!(weights(&body(69)), [Weight::Fault]);
    }

    #[test]
    fn functions_are_measured_from_name_to_brace() {
        let code = "trait T { fn no(&self); }\npub fn a<const N: usize>(\n x: [u8; N],\n) -> fn(u8) {\n if x { y }\n}\n";
        let found = functions(code);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].line, found[0].lines), ("a", 2, 5));
    }
}
