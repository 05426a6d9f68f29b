//! One page of a listing, or of the rows that changed since a time.
use super::Server;
use super::ask::{all_rows, names_pages, next_link, query_of, text_field, token};
use super::options::{Changes, TimeFormat, Total};
use super::paging::PagingOption;
use super::rows::time;
use crate::Session;
use crate::connectors::documents::{bad, object};
use crate::feed::{
    Listing, ListingAsk, ListingPage, Next, Order, RowTime, Since, TimesPage, Timestamps,
};
use crate::http::{Http, Response, classify, date_ms, each_row, rfc3339, send};
use crate::limits::PAGE_ITEMS_MAX;
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, Failure, FailureKind, Item, Page, PullRequest};

/// The rows of a page, and what is said beside them.
struct Rows {
    answers: Vec<Response>,
    /// Rows of the first answer that stand before the page.
    before: usize,
    is_last: bool,
}

pub(super) async fn page(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    request: &PullRequest,
) -> Result<Page, Failure> {
    let [collection] = &request.collections[..] else {
        return Err(classify::not_this_protocol(
            "a feed of one collection was expected: each has a feed of its own",
        ));
    };
    let reader = Reader {
        server,
        http,
        session,
        collection,
        limit: request.items_max.clamp(1, server.options.page_items()),
    };
    match &server.options.changes {
        Some(changes) => reader.changes(changes, request).await,
        None => reader.listing(request).await,
    }
}

struct Reader<'a> {
    server: &'a Server,
    http: &'a dyn Http,
    session: &'a Session,
    collection: &'a CollectionName,
    limit: usize,
}

impl Reader<'_> {
    async fn listing(&self, request: &PullRequest) -> Result<Page, Failure> {
        let listing = Listing {
            paging: self.server.options.feed_paging(),
        };
        let checkpoint = request.checkpoint.as_ref();
        let read = match (listing.ask(checkpoint), &self.server.options.paging) {
            (ListingAsk::Skip(skip), _) => self.skipping(skip, &[]).await?,
            (ListingAsk::First, PagingOption::Page { .. } | PagingOption::Offset { .. }) => {
                self.skipping(0, &[]).await?
            }
            (ListingAsk::After(id), PagingOption::Keyset { after, .. }) => {
                self.one(&[(after, id.as_str())]).await?
            }
            (ListingAsk::Cursor(token), PagingOption::Cursor { cursor, .. }) => {
                self.one(&[(cursor, &token)]).await?
            }
            // The query of the next page, as the backend wrote it.
            (ListingAsk::Cursor(token), _) => self.query(&token).await?,
            _ => self.one(&[]).await?,
        };
        let rows = self.rows(&read).await?;
        let id = |raw: &&RawValue| self.server.row_id(raw).0;
        let ids = each_row(self.http, rows.iter(), id).await;
        let cursor = match read.answers.last() {
            Some(answer) => self.cursor(answer)?,
            None => None,
        };
        let next = listing.next(
            checkpoint,
            &ListingPage {
                ids: &ids,
                cursor: cursor.as_deref(),
                is_last: read.is_last,
                total: read.answers.first().and_then(|answer| self.total(answer)),
            },
        )?;
        drop(ids);
        Ok(self.page(&read, &rows, next).await)
    }

    async fn changes(&self, changes: &Changes, request: &PullRequest) -> Result<Page, Failure> {
        let times = Timestamps {
            precision_ms: changes.precision_ms,
            overlap_ms: changes.overlap_ms,
            order: Order::Time,
        };
        let checkpoint = request.checkpoint.as_ref();
        let ask = times.ask(checkpoint);
        let since_ms = match &ask.since {
            Since::Ms(ms) => *ms,
            _ => 0,
        };
        let since = match ask.since {
            Since::Beginning => None,
            Since::Ms(ms) => Some(match changes.format {
                TimeFormat::Rfc3339 => rfc3339(ms),
                TimeFormat::Ms => ms.to_string(),
                TimeFormat::S => (ms / 1_000).to_string(),
            }),
            Since::Time(time) | Since::Row { time, .. } => Some(time),
        };
        let sort = changes.sort.iter();
        let mut asked: Vec<(&str, &str)> = sort
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        asked.extend(
            since
                .as_deref()
                .map(|since| (changes.since.as_str(), since)),
        );
        let read = match self.server.options.paging {
            PagingOption::Single {} => self.one(&asked).await?,
            _ => self.skipping(ask.skip, &asked).await?,
        };
        let rows = self.rows(&read).await?;
        let read_row = |raw: &&RawValue| {
            let own =
                object(raw).and_then(|fields| time(fields.get(&changes.field), &changes.field));
            (own, self.server.row_id(raw).0)
        };
        let mut timed: Vec<RowTime> = Vec::with_capacity(rows.len());
        for (own, id) in each_row(self.http, rows.iter(), read_row).await {
            let (time, ms) = match (own, timed.last()) {
                (Ok(own), _) => own,
                // A row that is no record stands at the time of the one before it.
                (Err(_), Some(before)) => (before.time.clone(), before.ms),
                (Err(_), None) => (since.clone().unwrap_or_default(), since_ms),
            };
            timed.push(RowTime { time, ms, id });
        }
        let next = times.next(
            checkpoint,
            &TimesPage {
                rows: &timed,
                is_last: read.is_last
                    || matches!(self.server.options.paging, PagingOption::Single {}),
                server_time_ms: server_time(&read),
            },
        )?;
        Ok(self.page(&read, &rows, next).await)
    }

    /// A page from any row on. Where pages have numbers, a place within one needs two of them.
    async fn skipping(&self, skip: u64, asked: &[(&str, &str)]) -> Result<Rows, Failure> {
        let (name, first) = match &self.server.options.paging {
            PagingOption::Offset { skip: name, .. } => {
                let skip = skip.to_string();
                let mut asked = asked.to_vec();
                asked.push((name, &skip));
                return self.one(&asked).await;
            }
            PagingOption::Page { page, first, .. } => (page, *first),
            _ => return self.one(asked).await,
        };
        // Numbers of pages mean the same rows only while all pages are equally long.
        let limit = self.server.options.page_items() as u64;
        let from = skip / limit;
        let mut read = Rows {
            answers: Vec::new(),
            before: (skip % limit) as usize,
            is_last: false,
        };
        let full = if read.before == 0 { 1 } else { 2 };
        // The page behind comes first: where rows shift between the two requests, the row at the edge is another one.
        let mut behind = match read.before {
            0 => None,
            _ => Some(self.numbered(name, first + from + 1, asked, true).await?),
        };
        let mut short = None;
        for page in from.. {
            let answer = match behind.take_if(|_| page == from + 1) {
                Some(answer) => answer,
                None => self.numbered(name, first + page, asked, page > 0).await?,
            };
            let Some(answer) = answer else {
                read.is_last = true;
                break;
            };
            let count = self.rows_in(&answer).await?.len() as u64;
            let odd = short
                .filter(|_| count > 0)
                .or((count > limit).then_some(count));
            if let Some(count) = odd {
                return Err(classify::not_this_protocol(&format!(
                    "pages of {limit} rows were expected, but one of {count} came: set `page_items` to that in the \
                     connector's options"
                )));
            }
            let is_end = self.total(&answer) == Some(page * limit + count);
            read.is_last = count == 0 || is_end || self.is_last(&answer);
            read.answers.push(answer);
            if read.is_last || (count == limit && read.answers.len() >= full) {
                break;
            }
            // A page that is not full may be one of a backend that gives fewer: the next one tells.
            short = (count < limit).then_some(count);
        }
        Ok(read)
    }

    /// A page by its number; `None` when the backend has no such page.
    async fn numbered(
        &self,
        name: &str,
        number: u64,
        asked: &[(&str, &str)],
        later: bool,
    ) -> Result<Option<Response>, Failure> {
        let limit = self.server.options.page_items().to_string();
        let number = number.to_string();
        let mut asked = asked.to_vec();
        asked.push((name, &number));
        asked.extend(self.server.limit_name().map(|name| (name, limit.as_str())));
        let sent = self.server.listing(self.session, self.collection, &asked);
        let response = send(self.http, sent).await?;
        match response.status {
            200 => Ok(Some(response)),
            404 if later && classify::is_json(&response) => Ok(None),
            _ => Err(self.server.refused(&response, self.collection)),
        }
    }

    /// One request with the page's length.
    async fn one(&self, asked: &[(&str, &str)]) -> Result<Rows, Failure> {
        let limit = self.limit.to_string();
        let mut asked = asked.to_vec();
        asked.extend(self.server.limit_name().map(|name| (name, limit.as_str())));
        let sent = self.server.listing(self.session, self.collection, &asked);
        self.single(send(self.http, sent).await?)
    }

    /// One request with the query that the backend wrote.
    async fn query(&self, query: &str) -> Result<Rows, Failure> {
        let url = format!("{}?{query}", self.server.collection(self.collection));
        let sent = self.server.request(self.session, "GET", url);
        self.single(send(self.http, sent).await?)
    }

    fn single(&self, answer: Response) -> Result<Rows, Failure> {
        if answer.status != 200 {
            return Err(self.server.refused(&answer, self.collection));
        }
        let is_single = matches!(self.server.options.paging, PagingOption::Single {});
        if is_single && next_link(&answer).is_some() {
            return Err(classify::not_this_protocol(
                "all rows were expected in one answer, but it names a next page: say in `paging` how to ask for it",
            ));
        }
        Ok(Rows {
            is_last: self.is_last(&answer),
            answers: vec![answer],
            before: 0,
        })
    }

    async fn rows_in<'a>(&self, answer: &'a Response) -> Result<Vec<&'a RawValue>, Failure> {
        all_rows(self.http, answer, self.server.options.rows.as_deref()).await
    }

    async fn rows<'a>(&self, read: &'a Rows) -> Result<Vec<&'a RawValue>, Failure> {
        let mut all = Vec::new();
        for answer in &read.answers {
            all.extend(self.rows_in(answer).await?);
        }
        if all.len() > PAGE_ITEMS_MAX {
            return Err(Failure::new(
                FailureKind::TooLarge,
                false,
                format!(
                    "a page of at most {PAGE_ITEMS_MAX} rows was expected, but {} came",
                    all.len()
                ),
            ));
        }
        Ok(all.split_off(read.before.min(all.len())))
    }

    /// Whether the answer says that nothing follows it: it names other pages, but no next one.
    fn is_last(&self, answer: &Response) -> bool {
        names_pages(answer) && next_link(answer).is_none()
    }

    /// The token of the next page.
    fn cursor(&self, answer: &Response) -> Result<Option<String>, Failure> {
        Ok(match &self.server.options.paging {
            PagingOption::Cursor { field, .. } => token(answer, field)?,
            PagingOption::Next { field, .. } => token(answer, field)?.map(|url| query_of(&url)),
            PagingOption::Link { .. } => next_link(answer),
            _ => None,
        })
    }

    fn total(&self, answer: &Response) -> Option<u64> {
        match self.server.options.total.as_ref()? {
            Total::Header(name) => answer
                .header(&name.to_ascii_lowercase())?
                .trim()
                .parse()
                .ok(),
            Total::Field(path) => text_field(answer, path)?.parse().ok(),
        }
    }

    async fn page(&self, read: &Rows, rows: &[&RawValue], next: Next) -> Page {
        let rows = rows.get(next.repeated..).unwrap_or_default();
        Page {
            items: each_row(self.http, rows.iter(), |raw| self.item(raw)).await,
            checkpoint: Some(next.checkpoint),
            end: next.end,
            left: next.left,
            epoch: None,
            server_time_ms: server_time(read),
        }
    }

    fn item(&self, raw: &RawValue) -> Item {
        self.server.row(raw).map_or_else(
            |reason| {
                let (id, is_own) = self.server.row_id(raw);
                bad(raw, self.collection, is_own.then_some(id), reason)
            },
            |row| row.item(self.collection),
        )
    }
}

fn server_time(read: &Rows) -> Option<u64> {
    read.answers.first()?.header("date").and_then(date_ms)
}
