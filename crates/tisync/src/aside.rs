//! A damaged file goes aside: its pending writes into a lifeboat file first, then the file itself under another name.
use crate::files::flush_folder;
use crate::lease::{self, Lease};
use crate::lifeboat::Boat;
use crate::traffic::Totals;
use crate::{Error, ErrorKind, Replica, ReplicaBuilder, Returned, host, storage};
use serde::Serialize;
use std::path::{Path, PathBuf};
use tisync_connect::lifeboat::Head;
use tisync_core::model::{Account, Config, ConnectorName};
use tisync_json::tree::BTreeMap;
use tisync_store::Salvage;

/// What became of a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// The file with the pending writes that could be read; `None` when there were none.
    pub lifeboat: Option<PathBuf>,
    /// How many there are in it.
    pub writes: u64,
    /// How many more there were for certain, which cannot be read.
    pub unreadable: u64,
    /// Whether there may have been still more that nothing tells of.
    pub may_miss_some: bool,
    /// The damaged file and those that belong to it, under their new names.
    pub files: Vec<PathBuf>,
}

impl ReplicaBuilder {
    /// Sets a damaged file aside, so that [`ReplicaBuilder::open`] makes a new one: what is readable of its pending
    /// writes goes into a lifeboat file beside it, which [`Replica::bring_back`] reads, and the file and its log are
    /// renamed, not changed. Everything that the server has comes back with the next sync.
    ///
    /// Nothing else may have the file open. A file of a newer layout, of something else, of another account, or of
    /// another key is refused, as is one that another process syncs. The lifeboat file is not encrypted.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::{ErrorKind, Replica};
    /// let path = dir.path().join("notes.db");
    /// let builder = || Replica::open(&path).collection("notes", "merge");
    /// builder().open()?.collection("notes")?.put("n1", r#"{"title": "Milk"}"#)?;
    /// let mut bytes = std::fs::read(&path).unwrap();
    /// bytes[..16].fill(0);
    /// std::fs::write(&path, bytes).unwrap();
    /// assert_eq!(builder().open().unwrap_err().kind(), ErrorKind::Corrupt);
    ///
    /// let aside = builder().set_aside()?;
    /// assert_eq!(aside.writes, 1);
    /// let replica = builder().open()?;
    /// replica.bring_back(aside.lifeboat.unwrap())?;
    /// assert!(replica.collection("notes")?.get("n1")?.is_some());
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn set_aside(&self) -> Result<SetAside, Error> {
        let path = self.path();
        let config = self.config()?;
        let _lease = Lease::take(path, Totals::default())?
            .map_err(|holder| lease::elsewhere(holder.as_ref()))?;
        let key = self.key()?;
        // SQLite must not see it before: closing a file, it tidies up the log that the salvage reads.
        let salvage = Salvage::read_with_key(path, key.as_ref())
            .map_err(|error| storage::explain(path, error))?;
        storage::is_ours(path, &salvage)?;
        let head = head(&salvage, &config)?;
        let name = free_name(path);
        let mut aside = SetAside {
            unreadable: salvage.unreadable().len() as u64,
            may_miss_some: !salvage.is_complete(),
            ..SetAside::default()
        };
        if salvage.entries() > 0 {
            let file = with_end(&name, ".lifeboat");
            let mut boat = Boat::begin(&file, head)?;
            for chain in salvage.chains() {
                boat.board(chain)?;
            }
            aside.writes = boat.end()?;
            aside.lifeboat = Some(file);
        }
        drop(salvage);
        // The file first: without it SQLite takes its log for nothing, and without its log it would take the file
        // for an older one that is whole.
        for end in ["", "-wal", "-shm", "-salt"] {
            let (from, to) = (with_end(path, end), with_end(&name, end));
            if from.exists() {
                std::fs::rename(&from, &to).map_err(|error| failed(&from, &to, &error))?;
                aside.files.push(to);
            }
        }
        flush_folder(path).map_err(|error| failed(path, &name, &error))?;
        Ok(aside)
    }

    /// Opens the file, or makes it; where it is damaged, sets it aside first and brings its pending writes back into
    /// the new one. For apps that cannot ask anyone; they should tell what came of it.
    pub fn open_or_set_aside(self) -> Result<(Replica, Option<(SetAside, Returned)>), Error> {
        match self.clone().open() {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let aside = self.set_aside()?;
                let replica = self.open()?;
                let returned = match &aside.lifeboat {
                    Some(lifeboat) => replica.bring_back(lifeboat)?,
                    None => Returned::default(),
                };
                Ok((replica, Some((aside, returned))))
            }
            opened => Ok((opened?, None)),
        }
    }
}

/// Whose writes they are: as the file says, or, where that is damaged, as the app does.
fn head(salvage: &Salvage, config: &Config) -> Result<Head, Error> {
    let said = salvage
        .meta("account")
        .and_then(|text| Account::new(text).ok());
    if let (Some(owner), Some(account)) = (&said, &config.account)
        && owner != account
    {
        return Err(Error::new(
            ErrorKind::WrongAccount,
            format!(
                "this file belongs to the account {owner}, but {account} came: it was left as it is; open it as {owner}"
            ),
        ));
    }
    let endpoints: Option<BTreeMap<ConnectorName, String>> = salvage
        .meta("endpoints")
        .and_then(|text| serde_json::from_str(text).ok());
    let configured = config.connectors.iter().filter_map(|(name, connector)| {
        let endpoint = connector.endpoint.clone()?;
        Some((name.clone(), endpoint))
    });
    let schemas = config.collections.iter();
    Ok(Head::new(
        said.or_else(|| config.account.clone()),
        endpoints.unwrap_or_else(|| configured.collect()),
        schemas
            .map(|(name, collection)| (name.clone(), collection.schema.number))
            .collect(),
        host::wall_ms(),
    ))
}

/// A name beside the file that nothing has yet.
fn free_name(path: &Path) -> PathBuf {
    let ends = ["", "-wal", "-shm", "-salt", ".lifeboat"];
    let mut number = 1;
    loop {
        let name = with_end(path, &format!(".damaged-{number}"));
        if !ends.iter().any(|end| with_end(&name, end).exists()) {
            return name;
        }
        number += 1;
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn failed(from: &Path, to: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to rename {} to {}, but {error}; make the folder writable",
            from.display(),
            to.display()
        ),
    )
}
