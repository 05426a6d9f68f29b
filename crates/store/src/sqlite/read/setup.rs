//! Reads declarations, feeds, connectors and meta.
use crate::driver::{Next, SqlDriver};
use crate::sqlite::{SqliteTx, codec, seal};
use tisync_core::model::{ConnectorName, FeedKey, FeedName};
use tisync_core::store::{Op, StoreError};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn setup_rows(&mut self) -> Result<Vec<Op>, StoreError> {
        let declared = self.store.collections.all().map(|table| Op::Declare {
            collection: table.name.clone(),
            schema: table.layout.schema.clone(),
            migrating: table.layout.migrating,
        });
        let mut changes: Vec<Op> = declared.collect();
        let feeds = "SELECT connector, feed, body FROM tisync_feeds ORDER BY connector, feed";
        self.driver().query(feeds, &[], &mut |row| {
            changes.push(Op::Feed {
                key: FeedKey {
                    connector: codec::parsed(ConnectorName::new(codec::text(row, 0)?))?,
                    feed: codec::parsed(FeedName::new(codec::text(row, 1)?))?,
                },
                state: Box::new(codec::from_json(codec::text(row, 2)?)?),
            });
            Ok(Next::More)
        })?;
        let connectors = "SELECT name, body FROM tisync_connectors ORDER BY name";
        self.driver().query(connectors, &[], &mut |row| {
            changes.push(Op::Connector {
                name: codec::parsed(ConnectorName::new(codec::text(row, 0)?))?,
                state: Box::new(codec::from_json(codec::text(row, 1)?)?),
            });
            Ok(Next::More)
        })?;
        let meta = "SELECT key, value FROM tisync_meta ORDER BY key";
        self.driver().query(meta, &[], &mut |row| {
            let key = codec::text(row, 0)?;
            changes.push(Op::Meta {
                value: Some(seal::meta(key, codec::text(row, 1)?)?),
                key: key.to_owned(),
            });
            Ok(Next::More)
        })?;
        Ok(changes)
    }
}
