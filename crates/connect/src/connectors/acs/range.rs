//! Ranges of ids, which are 24 hexadecimal digits: a query must not match more than 5,000 objects, since the server
//! then looks at some 5,000 of them only.
use serde::Serialize;
use tisync_core::model::RecordId;
use tisync_json::Deserialize;
use tisync_json::{Object, Value};

/// The ids after one, up to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    /// The last id that was seen.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// The last id that is asked for; none asks for all that follow.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
}

const ID_BITS: u32 = 96;
const ID_MAX: u128 = (1 << ID_BITS) - 1;

impl Range {
    /// The condition of a query; `None` for all ids.
    pub(super) fn condition(&self) -> Option<Value> {
        let mut id = Object::new();
        if let Some(after) = &self.after {
            id.insert("$gt".to_owned(), after.as_str().into());
        }
        if let Some(until) = &self.until {
            id.insert("$lte".to_owned(), until.as_str().into());
        }
        match id.is_empty() {
            true => None,
            false => Some(Object::from([("_id".to_owned(), id.into())]).into()),
        }
    }

    /// Whether these ids are in the range, each behind the one before it.
    pub(super) fn holds_in_order(&self, ids: impl Iterator<Item = RecordId>) -> bool {
        let mut before = self.after.clone();
        for id in ids {
            let id = id.as_str().to_owned();
            let is_behind = before.is_none_or(|before| before < id);
            if !is_behind || self.until.as_ref().is_some_and(|until| *until < id) {
                return false;
            }
            before = Some(id);
        }
        true
    }

    /// The first half of the range; `None` when it holds one id only.
    pub(super) fn half(&self) -> Option<Range> {
        let after = self.after.as_deref().map_or(Some(0), number)?;
        let until = self.until.as_deref().map_or(Some(ID_MAX), number)?;
        let middle = after + until.checked_sub(after)? / 2;
        (middle > after && middle < until).then(|| Range {
            after: self.after.clone(),
            until: Some(format!("{middle:024x}")),
        })
    }

    /// What follows the range; `None` when nothing does.
    pub(super) fn next(&self) -> Option<Range> {
        self.until.as_ref().map(|until| Range {
            after: Some(until.clone()),
            until: None,
        })
    }

    /// What is left of it behind an id.
    pub(super) fn rest(&self, last: &str) -> Range {
        Range {
            after: Some(last.to_owned()),
            until: self.until.clone(),
        }
    }
}

fn number(id: &str) -> Option<u128> {
    let is_id = id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| u128::from_str_radix(id, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_halved_until_it_holds_one_id() {
        let mut range = Range {
            after: Some(format!("{:024x}", 7)),
            until: None,
        };
        let mut steps = 0;
        while let Some(half) = range.half() {
            assert_eq!(half.after, range.after);
            assert!(half.until < range.until || range.until.is_none());
            range = half;
            steps += 1;
        }
        assert_eq!(range.until, Some(format!("{:024x}", 8)));
        assert_eq!(steps, 95);
    }

    #[test]
    fn what_follows_a_range_begins_where_it_ends() {
        let range = Range::default().half().unwrap();
        assert_eq!(range.next().unwrap().after, range.until);
        assert_eq!(Range::default().next(), None);
        assert_eq!(Range::default().condition(), None);
        let text = range
            .rest("5f000001d9ca72c507000001")
            .condition()
            .unwrap()
            .to_string();
        assert!(
            text.starts_with(r#"{"_id":{"$gt":"5f000001d9ca72c507000001","$lte":"7fff"#),
            "{text}"
        );
    }
}
