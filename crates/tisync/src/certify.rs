//! Trying a connector and its live backend.
use crate::{Error, ErrorKind, ReplicaBuilder, host};
use std::rc::Rc;
use std::time::Duration;
use tisync_connect::Session;
use tisync_connect::certify::{Check, Kit, Report};
use tisync_core::model::CollectionName;
use tisync_json::{Document, Path};

/// What the certify kit may write.
///
/// ```
/// let sample = tisync::Sample::default();
/// assert_eq!(sample.document.text(), r#"{"title":"certify"}"#);
/// assert_eq!(sample.field.to_string(), "/title");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// A document that the backend accepts.
    pub document: Document,
    /// A field of it that takes any text.
    pub field: Path,
}

impl Default for Sample {
    fn default() -> Self {
        let field = Path::key("title");
        let value = tisync_json::Value::String("certify".to_owned());
        let object = [("title".to_owned(), value)].into_iter().collect();
        Sample {
            document: Document::from_object(&object),
            field,
        }
    }
}

impl ReplicaBuilder {
    /// Tries whether the connector of a collection and its live backend keep what the connector declares, and tells of
    /// each check as it is done. Writes records of its own and deletes them at the end; opens no file.
    ///
    /// # Errors
    /// When the collection has no connector, or there are no credentials for it. What the backend does wrong is in the
    /// [`Report`].
    pub fn blocking_certify(
        &self,
        collection: &str,
        sample: Sample,
        told: &mut dyn FnMut(&Check),
    ) -> Result<Report, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                let message = format!("expected to start the runtime, but {error}");
                Error::new(ErrorKind::Storage, message)
            })?;
        runtime.block_on(async {
            let kit = self.kit(collection, sample).await?;
            Ok(tisync_connect::certify::certify(kit, told).await)
        })
    }

    async fn kit(&self, collection: &str, sample: Sample) -> Result<Kit, Error> {
        let (name, backend) = self.served(collection)?;
        let session = match &backend.credentials {
            None => Session::anonymous(),
            Some(credentials) => {
                let token = credentials.ask(name, false).await.map_err(|reason| {
                    Error::new(
                        ErrorKind::Credentials,
                        format!("connector {name}: {reason}"),
                    )
                })?;
                Session::with_token(&token.secret)
            }
        };
        let now = host::now()?;
        let mut seed = [0; 8];
        seed.copy_from_slice(&now.entropy[..8]);
        Ok(Kit {
            connector: Rc::from((backend.make)()),
            http: self.client()?,
            session,
            collection: CollectionName::new(collection)?,
            document: sample.document,
            field: sample.field,
            seed: u64::from_le_bytes(seed),
            now_ms: now.wall_ms,
            wait: Rc::new(|ms| Box::pin(tokio::time::sleep(Duration::from_millis(ms)))),
        })
    }
}
