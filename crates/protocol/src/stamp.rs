//! The time of a change, as a text that sorts like the time.
use std::fmt;

/// A hybrid logical clock's reading: `mmmmmmmmmmmmcccc-nnnnnnnn`, all lowercase hexadecimal.
///
/// Twelve digits of milliseconds since 1970, four of a counter for changes within one millisecond, a
/// dash, eight of the node that made it. Texts of this width sort by time, then counter, then node.
///
/// ```
/// # use tisync_protocol::Stamp;
/// let stamp = Stamp { ms: 1_700_000_000_000, counter: 1, node: 0xa1 };
/// assert_eq!(stamp.to_string(), "018bcfe568000001-000000a1");
/// assert_eq!(Stamp::parse("018bcfe568000001-000000a1"), Some(stamp));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Milliseconds since 1970; 48 bits are kept.
    pub ms: u64,
    /// Tells apart the changes of one millisecond.
    pub counter: u16,
    /// Who made it.
    pub node: u32,
}

impl Stamp {
    /// Characters of the text.
    pub const CHARS: usize = 25;

    /// Reads the text; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let plain = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if bytes.len() != Self::CHARS
            || bytes[16] != b'-'
            || !plain(&bytes[..16])
            || !plain(&bytes[17..])
        {
            return None;
        }
        Some(Stamp {
            ms: u64::from_str_radix(&text[..12], 16).ok()?,
            counter: u16::from_str_radix(&text[12..16], 16).ok()?,
            node: u32::from_str_radix(&text[17..], 16).ok()?,
        })
    }

    /// The same stamp, or one at `ms_max` if it lies beyond.
    pub fn at_most(self, ms_max: u64) -> Self {
        Stamp {
            ms: self.ms.min(ms_max),
            ..self
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:012x}{:04x}-{:08x}",
            self.ms & 0xffff_ffff_ffff,
            self.counter,
            self.node
        )
    }
}
