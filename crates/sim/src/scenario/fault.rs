//! What can go wrong by chance, at any moment.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A fault that strikes by chance; faults at a stated time are actions of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request does not reach the server.
    DropRequest,
    /// The server has acted, and its answer is lost.
    DropAnswer,
    /// The request reaches the server twice, the second time later.
    Duplicate,
    /// The request, the answer, or both take long, and overtake each other.
    Delay,
    /// The answer is cut off.
    Truncate,
    /// A captive portal answers 200 with HTML.
    Portal,
    /// A gateway answers 500 or 503 before the server saw the request.
    Gateway,
    /// A gateway answers 502 or 504 after the server acted.
    GatewayAfter,
    /// 429 or 503 with `Retry-After`.
    Throttle,
    /// No answer ever; the host gives up after the request's deadline.
    Hang,
    /// The answer comes after the engine has given up on it.
    Late,
    /// The host hands the same answer over twice.
    Twice,
    /// The store is busy when the transaction begins.
    StoreBusy,
    /// The disk is full when the transaction commits.
    StoreFull,
    /// A hint is lost.
    HintLost,
    /// A hint comes late.
    HintLate,
    /// A hint comes twice.
    HintTwice,
    /// A stream of hints breaks while it tells something.
    HintsBreak,
    /// A page of a walk leaves out records that the replica has already.
    ShortWalk,
    /// The answer to a push leaves out a verdict.
    NoVerdict,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 20] = [
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::Duplicate,
        Fault::Delay,
        Fault::Truncate,
        Fault::Portal,
        Fault::Gateway,
        Fault::GatewayAfter,
        Fault::Throttle,
        Fault::Hang,
        Fault::Late,
        Fault::Twice,
        Fault::StoreBusy,
        Fault::StoreFull,
        Fault::HintLost,
        Fault::HintLate,
        Fault::HintTwice,
        Fault::HintsBreak,
        Fault::ShortWalk,
        Fault::NoVerdict,
    ];

    /// Answers that say less than the truth.
    pub const OF_ANSWERS: [Fault; 2] = [Fault::ShortWalk, Fault::NoVerdict];

    /// Those of hints, which not every scenario has.
    pub const OF_HINTS: [Fault; 4] = [
        Fault::HintLost,
        Fault::HintLate,
        Fault::HintTwice,
        Fault::HintsBreak,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Fault::DropRequest => "drop-request",
            Fault::DropAnswer => "drop-answer",
            Fault::Duplicate => "duplicate",
            Fault::Delay => "delay",
            Fault::Truncate => "truncate",
            Fault::Portal => "portal",
            Fault::Gateway => "gateway",
            Fault::GatewayAfter => "gateway-after",
            Fault::Throttle => "throttle",
            Fault::Hang => "hang",
            Fault::Late => "late",
            Fault::Twice => "twice",
            Fault::StoreBusy => "store-busy",
            Fault::StoreFull => "store-full",
            Fault::HintLost => "hint-lost",
            Fault::HintLate => "hint-late",
            Fault::HintTwice => "hint-twice",
            Fault::HintsBreak => "hints-break",
            Fault::ShortWalk => "short-walk",
            Fault::NoVerdict => "no-verdict",
        }
    }

    /// The fault of a name.
    pub fn named(name: &str) -> Option<Self> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// How often each fault strikes, per thousand chances. Written down by the names of the faults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u32>", into = "BTreeMap<String, u32>")]
pub struct Rates([u32; Fault::ALL.len()]);

impl Rates {
    /// The rate of a fault.
    pub fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// Sets the rate of a fault.
    pub fn set(&mut self, fault: Fault, per_mille: u32) {
        self.0[fault as usize] = per_mille;
    }

    /// The faults that can strike.
    pub fn on(&self) -> impl Iterator<Item = (Fault, u32)> + '_ {
        Fault::ALL
            .into_iter()
            .map(|fault| (fault, self.of(fault)))
            .filter(|(_, rate)| *rate > 0)
    }
}

impl From<Rates> for BTreeMap<String, u32> {
    fn from(rates: Rates) -> Self {
        let on = rates.on();
        on.map(|(fault, rate)| (fault.name().to_owned(), rate))
            .collect()
    }
}

impl TryFrom<BTreeMap<String, u32>> for Rates {
    type Error = String;

    fn try_from(named: BTreeMap<String, u32>) -> Result<Self, String> {
        let mut rates = Rates::default();
        for (name, rate) in named {
            let fault = Fault::named(&name).ok_or_else(|| format!("there is no fault {name:?}"))?;
            rates.set(fault, rate);
        }
        Ok(rates)
    }
}
