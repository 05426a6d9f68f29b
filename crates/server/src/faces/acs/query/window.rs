//! Which part of what was found is answered, in the two dialects of paging.
use super::order::Order;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::limits::{
    COUNT_MAX, LIMIT_DEFAULT, LIMIT_MAX, PER_PAGE_MAX, SKIP_MAX, WINDOW_MAX,
};
use crate::faces::acs::params::Params;
use tisync_json::{Object, Value};

/// A part of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::faces::acs) struct Window {
    pub(super) skip: u64,
    pub(super) limit: u64,
    /// The number of the page, in the older dialect.
    page: Option<u64>,
    /// Whether `meta.count` is wanted.
    count: bool,
}

impl Window {
    /// Reads `limit` and `skip`, or `page` and `per_page`.
    pub(super) fn read(params: &Params, order: &Order) -> Result<Self, Fault> {
        let limit = params.number("limit", 1, LIMIT_MAX)?;
        let skip = params.number("skip", 0, SKIP_MAX)?;
        let page = params.number("page", 1, u64::from(u32::MAX))?;
        let per_page = params.number("per_page", 1, PER_PAGE_MAX)?;
        let count = params.flag("count");
        // ACS did not mix them; apps do, with a limit in the place of per_page.
        let paged = (page.is_some() || per_page.is_some()) && skip.is_none();
        let window = if paged {
            let (page, limit) = (
                page.unwrap_or(1),
                per_page.or(limit).unwrap_or(LIMIT_DEFAULT),
            );
            Window {
                skip: (page - 1) * limit,
                limit,
                page: Some(page),
                count,
            }
        } else {
            Window {
                skip: skip.unwrap_or(0),
                limit: limit.unwrap_or(LIMIT_DEFAULT),
                page: None,
                count,
            }
        };
        if !matches!(order, Order::Newest) && window.end() > WINDOW_MAX {
            return Err(Fault::bad(format!(
                "An ordered query reaches at most {WINDOW_MAX} records; this page ends at {}. Narrow it with where.",
                window.end()
            )));
        }
        Ok(window)
    }

    /// Everything up to here must be found.
    pub(super) fn end(&self) -> u64 {
        self.skip + self.limit
    }

    /// How far to count: no further than is answered, or told.
    pub(super) fn count_until(&self) -> u64 {
        match (self.page, self.count) {
            (Some(_), _) => u64::MAX,
            (None, true) => self.end().max(COUNT_MAX + 1),
            (None, false) => self.end(),
        }
    }

    /// What `meta` says of the whole.
    pub(super) fn meta(&self, total: u64) -> Object {
        let mut meta = Object::new();
        if self.count {
            meta.insert("count".into(), counted(total));
        }
        if let Some(page) = self.page {
            meta.insert("page".into(), page.into());
            meta.insert("per_page".into(), self.limit.into());
            meta.insert("total_pages".into(), total.div_ceil(self.limit).into());
            meta.insert("total_results".into(), total.into());
        }
        meta
    }
}

/// A count as ACS told it: above 5000 it is a text.
fn counted(total: u64) -> Value {
    if total > COUNT_MAX {
        format!("{COUNT_MAX}+").into()
    } else {
        total.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], order: &Order) -> Result<Window, Fault> {
        let mut params = Params::default();
        for (name, value) in pairs {
            params.add(name, (*value).to_owned())?;
        }
        Window::read(&params, order)
    }

    fn part(pairs: &[(&str, &str)]) -> (u64, u64) {
        let window = read(pairs, &Order::Newest).unwrap();
        (window.skip, window.limit)
    }

    #[test]
    fn both_dialects_name_a_part() {
        assert_eq!(part(&[]), (0, 10));
        assert_eq!(part(&[("limit", "1000"), ("skip", "4999")]), (4_999, 1_000));
        assert_eq!(part(&[("page", "3")]), (20, 10));
        assert_eq!(part(&[("page", "2"), ("per_page", "7")]), (7, 7));
        assert_eq!(part(&[("per_page", "9999")]), (0, 9_999));
        assert_eq!(part(&[("page", "2"), ("limit", "5")]), (5, 5));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for pair in [
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "-1"),
            ("limit", "ten"),
            ("skip", "5000"),
            ("skip", "99999999999999999999"),
            ("page", "0"),
            ("per_page", "10001"),
        ] {
            assert_eq!(
                read(&[pair], &Order::Newest).unwrap_err().code,
                400,
                "{pair:?}"
            );
        }
        let far = [("page", "20"), ("per_page", "1000")];
        assert!(read(&far, &Order::Newest).is_ok());
        assert!(read(&far, &Order::Score).is_err());
    }

    #[test]
    fn the_whole_is_told_in_the_words_of_each_dialect() {
        let meta = |pairs: &[(&str, &str)], total| {
            Value::Object(read(pairs, &Order::Newest).unwrap().meta(total)).to_string()
        };
        assert_eq!(meta(&[], 7), "{}");
        assert_eq!(meta(&[("count", "1")], 5_000), r#"{"count":5000}"#);
        assert_eq!(meta(&[("count", "true")], 5_001), r#"{"count":"5000+"}"#);
        assert_eq!(
            meta(&[("page", "1"), ("per_page", "3")], 7),
            r#"{"page":1,"per_page":3,"total_pages":3,"total_results":7}"#
        );
    }
}
