//! What is a watch told of? Changes that it shares with others, in words that
//! are made once, by the first door that needs them.

use api::etcd::sheet::Sheets;
use kv::command::Changes;
use std::sync::{Arc, OnceLock};

/// Changes, and their words as soon as somebody needs them.
#[derive(Debug)]
pub(crate) struct Page {
    batches: Arc<[Changes]>,
    sheets: OnceLock<Arc<Sheets>>,
}

impl Page {
    fn new(batches: Arc<[Changes]>) -> Self {
        Self { batches, sheets: OnceLock::new() }
    }

    /// Its words.
    pub(crate) fn sheets(&self) -> Arc<Sheets> {
        let make = || Arc::new(Sheets::new(&self.batches));
        Arc::clone(self.sheets.get_or_init(make))
    }
}

/// The page that was told last: whoever is told the same comes right behind.
#[derive(Debug, Default)]
pub(crate) struct Newest(Option<Arc<Page>>);

impl Newest {
    /// The page of these changes.
    pub(crate) fn of(&mut self, batches: Arc<[Changes]>) -> Arc<Page> {
        match &self.0 {
            Some(page) if Arc::ptr_eq(&page.batches, &batches) => Arc::clone(page),
            _ => Arc::clone(self.0.insert(Arc::new(Page::new(batches)))),
        }
    }

    /// Nothing more of it comes.
    pub(crate) fn end(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Revision;

    #[test]
    fn those_that_are_told_the_same_share_one_page() {
        let changes = |revision| -> Arc<[Changes]> {
            vec![Changes { revision: Revision(revision), changes: Vec::new().into() }].into()
        };
        let (one, other) = (changes(7), changes(7));
        let mut newest = Newest::default();
        let pages = [&one, &one, &other].map(|it| newest.of(Arc::clone(it)));
        assert!(Arc::ptr_eq(&pages[0], &pages[1]));
        assert!(!Arc::ptr_eq(&pages[1], &pages[2]), "equal is not the same");
        assert!(Arc::ptr_eq(&pages[0].sheets(), &pages[1].sheets()), "made once");
        assert_eq!(pages[2].batches[0].revision, Revision(7));
    }
}
