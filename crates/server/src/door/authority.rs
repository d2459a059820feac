//! What does a client call us? Some call a whole URL: etcdctl 3.4 does where it
//! takes the endpoints from the members. That is no authority, and the library
//! closes such calls as malformed, rightly. Here the URL is cut down to its host
//! and port before the library sees it.
//!
//! Only the first request of a connection is looked at: what it calls us is what
//! later ones refer to. A shorter entry in the library's table of known headers
//! stands at the same place as the client's longer one, for places are counted
//! from the newest; the client only forgets it earlier (RFC 7541 section 2.3).

/// The number of `:authority` in the table that every connection begins with.
const AUTHORITY: usize = 1;

/// Codes of the characters that URLs are made of, by their length: how many
/// bits, the first code, and its characters in the order of their codes (RFC
/// 7541 appendix B).
const CODES: [(u32, u32, &[u8]); 5] = [
    (5, 0x0, b"012aceiost"),
    (6, 0x14, b" %-./3456789=A_bdfghlmnpru"),
    (7, 0x5c, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, 0xf8, b"&*,;XZ"),
    (13, 0x1ff8, b"\0$@[]~"),
];

/// What may stand behind the last character: fewer bits than a byte, all ones.
const PADDING_BITS_MAX: u32 = 7;

/// The headers of a request with a host where they have a URL; none if they have
/// none, or cannot be read.
pub(super) fn without_scheme(headers: &[u8]) -> Option<Vec<u8>> {
    let mut rest = headers;
    while let Some(&first) = rest.first() {
        let bits = match first {
            // A header that is known: its number is all.
            0x80.. => {
                (_, rest) = number(rest, 7)?;
                continue;
            }
            // How large the table may be.
            0x20..=0x3f => {
                (_, rest) = number(rest, 5)?;
                continue;
            }
            0x40..=0x7f => 6,
            _ => 4,
        };
        let (name, value) = number(rest, bits)?;
        let value = if name == 0 { text(value)?.1 } else { value };
        let (said, behind) = text(value)?;
        if name == AUTHORITY {
            let before = headers.get(..headers.len().checked_sub(value.len())?)?;
            return Some([before, &plain(host(&said.decoded()?)?)?, behind].concat());
        }
        rest = behind;
    }
    None
}

/// Host and port of a URL; none of what is no URL.
fn host(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"http://").or_else(|| text.strip_prefix(b"https://"))?;
    let host = rest.split(|byte| *byte == b'/').next()?;
    (!host.is_empty()).then_some(host)
}

/// A text as it stands in headers, without a code; none that needs a length of
/// more than a byte.
fn plain(text: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 0x7f)?;
    Some([&[length], text].concat())
}

/// A text, in the code or not.
struct Text<'a> {
    coded: bool,
    bytes: &'a [u8],
}

/// A number whose first byte has so many bits for it (RFC 7541 section 5.1), and
/// what is behind it.
fn number(bytes: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let most = (1_usize << bits).checked_sub(1)?;
    let mut number = usize::from(*first) & most;
    if number < most {
        return Some((number, rest));
    }
    for shift in [0, 7, 14] {
        let (next, behind) = rest.split_first()?;
        number += usize::from(next & 0x7f) << shift;
        rest = behind;
        if next & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}

/// A text, and what is behind it.
fn text(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let coded = bytes.first()? & 0x80 != 0;
    let (length, rest) = number(bytes, 7)?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    Some((Text { coded, bytes }, behind))
}

impl Text<'_> {
    /// None if there is a character that no URL of ours has.
    fn decoded(&self) -> Option<Vec<u8>> {
        if !self.coded {
            return Some(self.bytes.to_vec());
        }
        let (mut decoded, mut code, mut bits) = (Vec::new(), 0_u32, 0_u32);
        for byte in self.bytes {
            for at in (0..8).rev() {
                (code, bits) = (code << 1 | u32::from(byte >> at & 1), bits + 1);
                if let Some(character) = character(code, bits) {
                    decoded.push(character);
                    (code, bits) = (0, 0);
                }
                if bits > 13 {
                    return None;
                }
            }
        }
        let padded = bits <= PADDING_BITS_MAX && code == (1 << bits) - 1;
        padded.then_some(decoded)
    }
}

fn character(code: u32, bits: u32) -> Option<u8> {
    let (_, first, characters) = CODES.iter().find(|(length, ..)| *length == bits)?;
    characters.get(usize::try_from(code.checked_sub(*first)?).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, scheme and path, as numbers and in the code; then who is called.
    fn headers(called: &[u8]) -> Vec<u8> {
        let before = b"\x83\x86\x3f\x01\x04\x03/ab\x40\x01x\x01y";
        [&before[..], called, b"\x41\x01z"].concat()
    }

    #[test]
    fn a_url_is_cut_down_to_its_host_in_the_code_or_not() {
        let coded = b"\x41\x90\x9d\x29\xae\xe3\x0c\x04\x4e\xae\x05\xc0\xb8\x6e\x09\xf7\xdf\x7f";
        let cut = headers(b"\x41\x0f127.0.0.1:29999");
        assert_eq!(without_scheme(&headers(coded)), Some(cut.clone()));
        assert_eq!(without_scheme(&headers(b"\x41\x16http://127.0.0.1:29999")), Some(cut.clone()));
        let with_path = headers(b"\x41\x18https://127.0.0.1:29999/");
        assert_eq!(without_scheme(&with_path), Some(cut));
        assert_eq!(
            without_scheme(&headers(b"\x01\x0ahttp://a:1")),
            Some(headers(b"\x01\x03a:1")),
            "not to be remembered"
        );
    }

    #[test]
    fn what_is_well_is_left_alone_and_what_is_broken_too() {
        let well = headers(b"\x41\x09127.0.0.1");
        for untouched in [&well[..], b"", b"\x83", b"\x41", b"\x41\x90\x9d", b"\x41\xff\xff\xff"] {
            assert_eq!(without_scheme(untouched), None);
        }
        let whole = headers(b"\x41\x0ahttp://a:1");
        for length in 0..16 {
            assert_eq!(without_scheme(&whole[..length]), None, "{length}");
        }
    }
}
