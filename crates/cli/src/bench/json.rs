//! A result as one line of JSON.

use std::fmt::{Display, Write};

/// An object in the making: its fields so far, without the braces.
#[derive(Default, Debug)]
pub(crate) struct Object(String);

impl Object {
    /// A value that is JSON already.
    pub(crate) fn raw(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // Writing into a string cannot fail.
        let _ = write!(self.0, "{}:{value}", quoted(name));
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, quoted(value))
    }

    /// A number with three digits after the point; JSON has none that is not finite.
    pub(crate) fn decimal(self, name: &str, value: Option<f64>) -> Self {
        match value.filter(|value| value.is_finite()) {
            Some(value) => self.raw(name, format_args!("{value:.3}")),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn texts(self, name: &str, values: &[String]) -> Self {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.raw(name, format_args!("[{}]", values.join(",")))
    }

    pub(crate) fn end(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// RFC 8259, section 7.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            sign if u32::from(sign) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_json() {
        let object = Object::default()
            .raw("a", 1)
            .text("b", "x\"\\\n")
            .decimal("c", Some(1.0))
            .decimal("d", Some(f64::NAN))
            .texts("e", &["f".into(), "g".into()]);
        let wanted = r#"{"a":1,"b":"x\"\\\u000a","c":1.000,"d":null,"e":["f","g"]}"#;
        assert_eq!(object.end(), wanted);
    }
}
