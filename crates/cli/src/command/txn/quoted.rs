//! Strings in quotes, as Go's `%q` reads them.

/// The string at the beginning of `text`, and what follows its closing quote.
pub(super) fn leading(text: &str) -> Option<(Vec<u8>, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (inside, rest) = raw.split_once('`')?;
        return Some((inside.as_bytes().to_vec(), rest));
    }
    let mut rest = text.strip_prefix('"')?;
    let mut out = Vec::new();
    loop {
        let sign = rest.chars().next()?;
        rest = rest.get(sign.len_utf8()..)?;
        match sign {
            '"' => return Some((out, rest)),
            '\\' => rest = escape(rest, &mut out)?,
            other => push(&mut out, other),
        }
    }
}

/// What stands behind a backslash; returns what follows.
fn escape<'a>(text: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let sign = text.chars().next()?;
    let rest = text.get(sign.len_utf8()..)?;
    let plain = match sign {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' => u8::try_from(sign).ok()?,
        'x' => {
            let (number, rest) = digits(rest, 2, 16)?;
            out.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        '0'..='7' => {
            let (number, rest) = digits(text, 3, 8)?;
            out.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (number, rest) = digits(rest, if sign == 'u' { 4 } else { 8 }, 16)?;
            push(out, char::from_u32(number)?);
            return Some(rest);
        }
        _ => return None,
    };
    out.push(plain);
    Some(rest)
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let all = digits.chars().all(|sign| sign.is_digit(radix));
    Some((u32::from_str_radix(digits, radix).ok().filter(|_| all)?, rest))
}

fn push(out: &mut Vec<u8>, sign: char) {
    out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::leading;

    #[test]
    fn a_string_and_what_follows() {
        for (text, inside, rest) in [
            (r#""k") = "v""#, &b"k"[..], r#") = "v""#),
            (r#""a\"b\\c\n\x00\101\u00fc"!"#, "a\"b\\c\n\0Aü".as_bytes(), "!"),
            (r#""\xff""#, &[0xff], ""),
            ("`a\\b`c", b"a\\b", "c"),
        ] {
            assert_eq!(leading(text), Some((inside.to_vec(), rest)), "{text}");
        }
    }

    #[test]
    fn what_is_no_string_is_none() {
        for text in
            ["", "k", "'k'", "\"k", "\"\\", "\"\\q\"", "\"\\x4\"", "\"\\ud800\"", "\"\\x+1\""]
        {
            assert_eq!(leading(text), None, "{text}");
        }
    }
}
