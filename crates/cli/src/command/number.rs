//! Numbers on the command line. What is wrong with one is said in Go's words,
//! which are etcdctl's.

/// A lease, as a hexadecimal number.
pub(super) fn hex(text: &str) -> Result<i64, String> {
    i64::from_str_radix(text, 16).map_err(|error| why("Int", text, &error))
}

/// A member, as a hexadecimal number.
pub(super) fn member(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|error| why("Uint", text, &error))
}

/// A revision or a number of seconds.
pub(super) fn decimal(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error| why("Int", text, &error))
}

fn why(kind: &str, text: &str, error: &std::num::ParseIntError) -> String {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let why = match error.kind() {
        PosOverflow | NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.Parse{kind}: parsing {text:?}: {why}")
}

#[cfg(test)]
mod tests {
    use super::{decimal, hex};

    #[test]
    fn numbers_and_what_is_wrong_with_them() {
        assert_eq!(hex("0250a1fda3f35b0d"), Ok(0x0250_a1fd_a3f3_5b0d));
        assert_eq!(decimal("-1"), Ok(-1));
        let said = |text| decimal(text).err().unwrap_or_default();
        assert_eq!(said("x"), "strconv.ParseInt: parsing \"x\": invalid syntax");
        assert_eq!(said(""), "strconv.ParseInt: parsing \"\": invalid syntax");
        assert!(said("9223372036854775808").ends_with("value out of range"));
    }
}
