//! The environment, read in one place: our own names first, then etcd's.

/// Who knows the variables. Tests bring their own.
pub(crate) trait Environment {
    /// The value of a variable that is set; one that is set to nothing is not.
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all variables that are set.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
pub(crate) struct Process;

impl Environment for Process {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn names(&self) -> Vec<String> {
        let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
        set.filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// What was said about one option, strongest first: flag, `TRIMARAN_…`, then
/// etcd's variable.
pub(crate) fn strongest(
    flag: Option<&str>,
    option: &str,
    theirs: &str,
    environment: &dyn Environment,
) -> Option<String> {
    flag.map(str::to_owned)
        .or_else(|| environment.get(&variable("TRIMARAN_", option)))
        .or_else(|| environment.get(&variable(theirs, option)))
}

/// `ETCD_` and `initial-cluster` make `ETCD_INITIAL_CLUSTER`.
pub(crate) fn variable(prefix: &str, option: &str) -> String {
    format!("{prefix}{}", option.replace('-', "_").to_uppercase())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// An environment made by a test.
    #[derive(Default)]
    pub(crate) struct Made(pub(crate) BTreeMap<String, String>);

    impl Made {
        pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
            Self(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
        }
    }

    impl Environment for Made {
        fn get(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }

        fn names(&self) -> Vec<String> {
            self.0.keys().cloned().collect()
        }
    }

    #[test]
    fn a_flag_beats_our_variable_beats_theirs() {
        let both = Made::of(&[("TRIMARAN_DATA_DIR", "ours"), ("ETCD_DATA_DIR", "theirs")]);
        let theirs = Made::of(&[("ETCD_DATA_DIR", "theirs")]);
        let ask = |flag, made| strongest(flag, "data-dir", "ETCD_", made);
        assert_eq!(ask(Some("flag"), &both).as_deref(), Some("flag"));
        assert_eq!(ask(None, &both).as_deref(), Some("ours"));
        assert_eq!(ask(None, &theirs).as_deref(), Some("theirs"));
        assert_eq!(ask(None, &Made::default()), None);
    }
}
