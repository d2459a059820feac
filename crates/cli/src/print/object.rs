//! Objects of JSON, as Go writes them: what holds nothing is left out.

/// An object in the making: its fields so far, without the braces. Names are
/// ours and need no escape.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&format!("\"{name}\":{value}"));
    }

    pub(super) fn number(&mut self, name: &str, value: impl Into<i128>) {
        let value = value.into();
        if value != 0 {
            self.raw(name, &value.to_string());
        }
    }

    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.raw(name, &format!("\"{}\"", base64(value)));
        }
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.raw(name, "true");
        }
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name, &escaped(value));
        }
    }

    pub(super) fn list(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            self.raw(name, &format!("[{}]", values.join(",")));
        }
    }

    pub(super) fn text(self) -> String {
        format!("{{{}}}", self.0)
    }

    pub(super) fn line(self) -> Vec<u8> {
        format!("{}\n", self.text()).into_bytes()
    }
}

/// Free text as Go writes it: fit to stand in a web page, too.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&unicode(sign)),
            low if u32::from(low) < 0x20 => out.push_str(&unicode(low)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn unicode(sign: char) -> String {
    format!("\\u{:04x}", u32::from(sign))
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, at| {
            word << 8 | u32::from(chunk.get(at).copied().unwrap_or_default())
        });
        for digit in 0..4usize {
            let value = word >> (18 - 6 * digit) & 63;
            let sign = DIGITS.get(value as usize).copied().unwrap_or_default();
            out.push(if digit > chunk.len() { '=' } else { char::from(sign) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, escaped};

    #[test]
    fn text_is_escaped_as_go_does() {
        assert_eq!(escaped("a\"b\\\n<\u{1}ü"), r#""a\"b\\\n\u003c\u0001ü""#);
    }

    #[test]
    fn base64_as_in_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
