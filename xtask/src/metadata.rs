//! What cargo knows of the crates: names, arrows, licences.

use crate::shell;
use serde_json::Value;

/// Every package of the build graph, ours and others'.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// The packages, in cargo's order.
    pub(crate) packages: Vec<Package>,
    /// Where cargo builds.
    pub(crate) target: String,
}

/// One package.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its licence expression, if it states one.
    pub(crate) licence: Option<String>,
    /// Whether it is one of ours.
    pub(crate) member: bool,
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features, each with what it turns on.
    pub(crate) features: Vec<(String, Vec<String>)>,
}

/// One line of a manifest's dependency tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The features it asks for.
    pub(crate) features: Vec<String>,
    /// Whether it is a crate of this repository.
    pub(crate) ours: bool,
}

/// In which table a dependency stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[dependencies]`
    #[default]
    Normal,
    /// `[build-dependencies]`
    Build,
    /// `[dev-dependencies]`
    Dev,
}

/// Asks cargo. The lock file is taken as it is: looking must not change it.
pub(crate) fn read() -> Result<Metadata, String> {
    let text = shell::output(&["cargo", "metadata", "--format-version", "1", "--locked"])?;
    parse(&text)
}

fn parse(text: &str) -> Result<Metadata, String> {
    let all: Value = serde_json::from_str(text).map_err(|why| format!("cargo metadata: {why}"))?;
    let members = strings(all.get("workspace_members"));
    let packages = list(all.get("packages")).iter().map(|one| package(one, &members)).collect();
    Ok(Metadata { packages, target: string(all.get("target_directory")) })
}

fn package(value: &Value, members: &[String]) -> Package {
    let features = value.get("features").and_then(Value::as_object);
    Package {
        name: string(value.get("name")),
        version: string(value.get("version")),
        licence: value.get("license").and_then(Value::as_str).map(ToString::to_string),
        member: members.contains(&string(value.get("id"))),
        dependencies: list(value.get("dependencies")).iter().map(dependency).collect(),
        features: features
            .map(|map| map.iter().map(|(name, on)| (name.clone(), strings(Some(on)))).collect())
            .unwrap_or_default(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: string(value.get("name")),
        kind: match value.get("kind").and_then(Value::as_str) {
            Some("build") => Kind::Build,
            Some("dev") => Kind::Dev,
            _ => Kind::Normal,
        },
        features: strings(value.get("features")),
        ours: value.get("path").is_some_and(Value::is_string),
    }
}

fn string(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_string()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    list(value).iter().filter_map(Value::as_str).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse};

    #[test]
    fn reads_what_cargo_says() {
        let text = r#"{"workspace_members": ["kv 0.1"], "target_directory": "/t", "packages": [
            {"id": "kv 0.1", "name": "kv", "version": "0.1",
             "license": "MIT", "features": {"default": ["a"]},
             "dependencies": [{"name": "base", "kind": null, "path": "base", "features": ["m"]},
                              {"name": "proptest", "kind": "dev", "features": []}]},
            {"id": "x 1", "name": "x", "version": "1", "license": null, "dependencies": []}]}"#;
        let all = parse(text).unwrap();
        assert_eq!(all.target, "/t");
        let (kv, x) = (&all.packages[0], &all.packages[1]);
        assert!(kv.member && !x.member);
        assert_eq!(kv.licence.as_deref(), Some("MIT"));
        assert_eq!(kv.features, [("default".to_string(), vec!["a".to_string()])]);
        assert!(kv.dependencies[0].ours && kv.dependencies[0].kind == Kind::Normal);
        assert!(!kv.dependencies[1].ours && kv.dependencies[1].kind == Kind::Dev);
        assert_eq!(x.licence, None);
    }
}
