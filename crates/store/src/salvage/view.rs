//! The pages of a database as one state of it has them: from the log where that has newer ones, else from the file.
use super::disk::Disk;
use super::wal::{Frames, number};
use crate::cipher::Cipher;
use crate::limits;
use std::cell::{Cell, RefCell};

const PAGE: usize = limits::PAGE_BYTES;

/// One state of a damaged database.
pub(super) struct View<'a> {
    file: &'a RefCell<Disk>,
    log: &'a RefCell<Disk>,
    frames: &'a Frames,
    /// What opens the pages of an encrypted file.
    cipher: Option<&'a Cipher>,
    /// Pages that may still be read: however its pages refer to each other, a file is read a few times at most.
    budget: Cell<u64>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        file: &'a RefCell<Disk>,
        log: &'a RefCell<Disk>,
        frames: &'a Frames,
        cipher: Option<&'a Cipher>,
    ) -> Self {
        let view = View {
            file,
            log,
            frames,
            cipher,
            budget: Cell::new(0),
        };
        view.budget
            .set(limits::SALVAGE_READS * (u64::from(view.pages()) + 16));
        view
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> u32 {
        let bytes = self.file.borrow().bytes();
        let of_file = u32::try_from(bytes.div_ceil(PAGE as u64)).unwrap_or(u32::MAX);
        // A damaged number in the log must not make the file endless.
        let of_log = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        let last = self.frames.keys().next_back().copied().unwrap_or(0);
        of_file.max(last.min(of_file.saturating_add(of_log)))
    }

    /// Whether the pages are those of an encrypted file.
    pub(super) fn is_opened(&self) -> bool {
        self.cipher.is_some()
    }

    /// The bytes of a page that rows may use, counted from 1; what is missing of it is zero. `None` when there is none,
    /// it cannot be read, enough has been read, or, of an encrypted file, when it is not as it was written.
    pub(super) fn page(&self, page: u32) -> Option<Vec<u8>> {
        let bytes = self.stored(page)?;
        match self.cipher {
            Some(cipher) => cipher.open(page, &bytes),
            None => Some(bytes),
        }
    }

    /// A page as it is stored: of an encrypted file, what nobody can read.
    pub(super) fn stored(&self, page: u32) -> Option<Vec<u8>> {
        let Some(at) = self.frames.get(&page) else {
            return self.stored_in_file(page);
        };
        let mut bytes = self.spend()?;
        let read = self.log.borrow_mut().read(*at, &mut bytes);
        matches!(read, Ok(read) if read > 0).then_some(bytes)
    }

    /// The same, whatever the log has.
    pub(super) fn stored_in_file(&self, page: u32) -> Option<Vec<u8>> {
        let mut bytes = self.spend()?;
        let at = u64::from(page.checked_sub(1)?) * PAGE as u64;
        let read = self.file.borrow_mut().read(at, &mut bytes);
        matches!(read, Ok(read) if read > 0).then_some(bytes)
    }

    /// Room for one more page.
    fn spend(&self) -> Option<Vec<u8>> {
        let left = self.budget.get().checked_sub(1)?;
        self.budget.set(left);
        Some(vec![0; PAGE])
    }

    /// The pages that nothing uses; `None` when that cannot be known.
    pub(super) fn free_pages(&self) -> Option<Pages> {
        let header = self.page(1)?;
        let (mut trunk, count) = (number(&header[32..36]), number(&header[36..40]));
        let mut free = Pages::new(self.pages());
        while trunk != 0 {
            let page = self.page(trunk).filter(|_| free.add(trunk))?;
            let leaves = number(&page[4..8]) as usize;
            let leaves = page[8..].chunks_exact(4).take(leaves);
            let added = leaves.map(number).filter(|leaf| free.add(*leaf)).count();
            if added != (number(&page[4..8]) as usize) {
                return None;
            }
            trunk = number(&page[0..4]);
        }
        (free.count == count).then_some(free)
    }
}

/// A set of pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    bits: Vec<u64>,
    last: u32,
    count: u32,
}

impl Pages {
    /// None of so many.
    pub(super) fn new(last: u32) -> Self {
        Pages {
            bits: vec![0; last as usize / 64 + 1],
            last,
            count: 0,
        }
    }

    /// Adds a page; no when it is there already, or cannot be.
    pub(super) fn add(&mut self, page: u32) -> bool {
        if page == 0 || page > self.last || self.has(page) {
            return false;
        }
        self.bits[page as usize / 64] |= 1 << (page % 64);
        self.count += 1;
        true
    }

    pub(super) fn has(&self, page: u32) -> bool {
        self.bits
            .get(page as usize / 64)
            .is_some_and(|bits| bits & (1 << (page % 64)) != 0)
    }
}
