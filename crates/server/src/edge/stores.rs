//! The connections of one file: one that writes, some that read beside it.
use crate::{SqliteServerStore, StoreError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::task::spawn_blocking;

pub(super) struct Stores {
    writer: Arc<AsyncMutex<SqliteServerStore>>,
    readers: Arc<Mutex<Vec<SqliteServerStore>>>,
    /// One permit for each reader, so that a request waits for one without holding a thread.
    free: Arc<Semaphore>,
}

impl Stores {
    pub(super) fn open(path: &Path, readers: usize) -> Result<Self, StoreError> {
        let writer = SqliteServerStore::open(path)?;
        let readers: Vec<_> = (0..readers.max(1))
            .map(|_| SqliteServerStore::open_reader(path))
            .collect::<Result<_, _>>()?;
        Ok(Stores {
            writer: Arc::new(AsyncMutex::new(writer)),
            free: Arc::new(Semaphore::new(readers.len())),
            readers: Arc::new(Mutex::new(readers)),
        })
    }

    /// Runs `work` on the writer; none if it panicked. A client that goes away does not stop it.
    pub(super) async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteServerStore) -> R + Send + 'static,
    ) -> Option<R> {
        let mut writer = self.writer.clone().lock_owned().await;
        spawn_blocking(move || work(&mut writer)).await.ok()
    }

    /// Runs `work` on a reader; none if it panicked.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteServerStore) -> R + Send + 'static,
    ) -> Option<R> {
        let permit = self.free.clone().acquire_owned().await.ok()?;
        let readers = self.readers.clone();
        let work = move || {
            let mut lent = Lent {
                store: lock(&readers).pop(),
                readers: readers.clone(),
            };
            let result = lent.store.as_mut().map(work);
            drop(lent);
            drop(permit);
            result
        };
        spawn_blocking(work).await.ok().flatten()
    }
}

/// A reader that goes back to the others, also when the work panics.
struct Lent {
    store: Option<SqliteServerStore>,
    readers: Arc<Mutex<Vec<SqliteServerStore>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&self.readers).extend(self.store.take());
    }
}

/// The vector is whole after any panic: it is only pushed to and popped from.
fn lock(
    readers: &Mutex<Vec<SqliteServerStore>>,
) -> std::sync::MutexGuard<'_, Vec<SqliteServerStore>> {
    readers.lock().unwrap_or_else(PoisonError::into_inner)
}
