//! May we ship what we link, and can a stranger build it?

use crate::metadata::{self, Package};
use crate::{Outcome, spdx};

/// Licences that ask for no more than their own text.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Copyleft by file: using them unchanged is fine, a patched copy must be published.
const BY_FILE: &[&str] = &["MPL-2.0", "MPL-2.0+"];
const BY_FILE_CRATES: &[&str] = &["imbl", "imbl-sized-chunks", "bitmaps", "foca"];

/// Crates that must not be in the graph, each with its reason.
const BANNED: &[(&str, &str)] = &[
    ("ring", "a second TLS provider in one program makes rustls panic; use aws-lc-rs"),
    ("openssl-sys", "needs the system's OpenSSL; use rustls"),
    ("native-tls", "needs the system's TLS library; use rustls"),
    ("cmake", "nobody should need cmake to build this"),
    ("bindgen", "nobody should need libclang to build this"),
    ("clang-sys", "nobody should need libclang to build this"),
    ("protobuf-src", "builds protoc; messages are compiled by protox"),
    ("protoc-bin-vendored", "carries protoc; messages are compiled by protox"),
];

/// Looks at every package of the graph.
pub(crate) fn run() -> Outcome {
    let packages = metadata::read()?.packages;
    let faults: Vec<String> = packages.iter().filter_map(fault).collect();
    if faults.is_empty() {
        println!("licences: {} packages, all allowed", packages.len());
        return Ok(());
    }
    Err(faults.join("\n"))
}

fn fault(package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    if let Some((_, why)) = BANNED.iter().find(|(banned, _)| banned == name) {
        return Some(format!("{name} {version}: banned: {why} (`cargo tree -i {name}`)"));
    }
    let Some(text) = &package.licence else {
        return Some(format!("{name} {version}: licence: states none; replace the crate"));
    };
    let allowed = |licence: &str| {
        ALLOWED.contains(&licence)
            || (BY_FILE.contains(&licence) && BY_FILE_CRATES.contains(&name.as_str()))
    };
    match spdx::satisfied(text, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{name} {version}: licence: `{text}` is not allowed; replace the crate \
             (`cargo tree -i {name}`)"
        )),
        Err(why) => Some(format!("{name} {version}: licence: `{text}` cannot be read: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::fault;
    use crate::metadata::Package;

    fn package(name: &str, licence: Option<&str>) -> Package {
        let licence = licence.map(ToString::to_string);
        Package { name: name.into(), version: "1.0.0".into(), licence, ..Package::default() }
    }

    #[test]
    fn a_free_licence_passes() {
        assert_eq!(fault(&package("bytes", Some("MIT"))), None);
        assert_eq!(fault(&package("memchr", Some("Unlicense OR MIT"))), None);
    }

    #[test]
    fn a_forbidden_or_missing_licence_is_named() {
        assert!(fault(&package("x", Some("GPL-3.0-only"))).unwrap().contains("GPL-3.0-only"));
        assert!(fault(&package("x", None)).unwrap().contains("states none"));
        assert!(fault(&package("x", Some("MIT OR"))).unwrap().contains("cannot be read"));
    }

    #[test]
    fn copyleft_by_file_is_for_the_named_crates_only() {
        assert_eq!(fault(&package("imbl", Some("MPL-2.0+"))), None);
        assert!(fault(&package("other", Some("MPL-2.0"))).is_some());
    }

    #[test]
    fn a_banned_crate_is_refused_whatever_its_licence() {
        assert!(fault(&package("ring", Some("MIT"))).unwrap().contains("aws-lc-rs"));
    }
}
