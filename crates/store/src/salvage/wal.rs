//! The write-ahead log: which frames SQLite takes, and which it would have taken but for a damaged one before them.
use super::disk::Disk;
use crate::limits;
use tisync_json::tree::BTreeMap;

/// Bytes before the first frame.
const HEADER: usize = 32;
/// Bytes of a frame before its page.
const FRAME: usize = 24;
const PAGE: usize = limits::PAGE_BYTES;

/// Where the newest content of each page lies in the log.
pub(super) type Frames = BTreeMap<u32, u64>;

/// What a log holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Log {
    /// The pages that SQLite sees: up to the last commit before the first frame that is not whole.
    pub(super) seen: Frames,
    /// The pages with those of the frames beyond that belong to the same log; `None` when there are none.
    pub(super) beyond: Option<Frames>,
}

/// What the first bytes of a frame say.
struct Head {
    page: u32,
    commits: bool,
    salt: [u8; 8],
    sum: (u32, u32),
}

/// Reads a log; one that is no log at all is empty.
pub(super) fn read(log: &mut Disk) -> std::io::Result<Log> {
    let mut header = [0; HEADER];
    if log.read(0, &mut header)? < HEADER {
        return Ok(Log::default());
    }
    let little = number(&header[0..4]) & 1 == 0;
    let sum = checksum(little, (0, 0), &header[..24]);
    let is_whole = sum == (number(&header[24..28]), number(&header[28..32]));
    let mut of = Walk {
        little,
        sum,
        salt: header[16..24].try_into().unwrap_or_default(),
        whole: is_whole,
        log: Log::default(),
        open: Frames::new(),
        all: Frames::new(),
        all_open: Frames::new(),
    };
    let mut frame = vec![0; FRAME + PAGE];
    let mut at = HEADER as u64;
    if !is_whole {
        // The header is damaged: the log is that of its first frames, of which one may be damaged too.
        let mut salts = [[0; 8]; 3];
        for (frame, salt) in (0..).zip(&mut salts) {
            log.read(at + 8 + frame * (FRAME + PAGE) as u64, salt)?;
        }
        of.salt = if salts[1] == salts[2] {
            salts[1]
        } else {
            salts[0]
        };
    }
    while log.read(at, &mut frame)? == frame.len() {
        of.frame(&head(&frame), &frame, at + FRAME as u64);
        at += frame.len() as u64;
    }
    Ok(of.end())
}

struct Walk {
    little: bool,
    sum: (u32, u32),
    salt: [u8; 8],
    /// Whether every frame so far was as it was written.
    whole: bool,
    log: Log,
    /// Frames of a transaction that has not ended yet.
    open: Frames,
    /// The same for all frames of this log, damaged ones too.
    all: Frames,
    all_open: Frames,
}

impl Walk {
    fn frame(&mut self, head: &Head, frame: &[u8], at: u64) {
        if self.whole {
            self.sum = checksum(self.little, self.sum, &frame[..8]);
            self.sum = checksum(self.little, self.sum, &frame[FRAME..]);
            self.whole = head.salt == self.salt && head.sum == self.sum && head.page != 0;
        }
        if self.whole {
            self.open.insert(head.page, at);
            if head.commits {
                self.log.seen.append(&mut self.open);
            }
        }
        // Half of the salt may be damaged; an older log has neither half.
        let same = head.salt[..4] == self.salt[..4] || head.salt[4..] == self.salt[4..];
        if same && head.page != 0 {
            self.all_open.insert(head.page, at);
            if head.commits {
                self.all.append(&mut self.all_open);
            }
        }
    }

    fn end(mut self) -> Log {
        if self.all != self.log.seen {
            self.log.beyond = Some(self.all);
        }
        self.log
    }
}

fn head(frame: &[u8]) -> Head {
    Head {
        page: number(&frame[0..4]),
        commits: number(&frame[4..8]) != 0,
        salt: frame[8..16].try_into().unwrap_or_default(),
        sum: (number(&frame[16..20]), number(&frame[20..24])),
    }
}

/// A number of four bytes, the highest first.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |all, byte| all << 8 | u32::from(*byte))
}

/// SQLite's checksum of a log, continued.
fn checksum(little: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |bytes: &[u8; 4]| match little {
        true => u32::from_le_bytes(*bytes),
        false => u32::from_be_bytes(*bytes),
    };
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    for [first, second] in pairs {
        a = a.wrapping_add(word(first)).wrapping_add(b);
        b = b.wrapping_add(word(second)).wrapping_add(a);
    }
    (a, b)
}
