//! What may have a number of its own among a function's locals: *webs*.
//!
//! A local is used for one thing after another. A web is one of these things: a value from where it is set, by whatever
//! way, to where it is read last. Two webs may have one number unless one is set while the other is still to be read.

use wasmparser::Operator;

/// A function of more locals has no webs: each local keeps its number. What is below this is one byte.
pub(super) const LOCALS_MAX: usize = 128;

/// The webs of a function.
pub(super) struct Webs {
    /// The web that each operator reads or sets.
    pub(super) used: Vec<Option<usize>>,
    pub(super) webs: Vec<Web>,
}

#[derive(Default)]
pub(super) struct Web {
    /// The local that it was.
    pub(super) local: u32,
    pub(super) start: Start,
    /// The webs that may not have the same number, in order.
    pub(super) apart: Vec<usize>,
}

/// What a web's value is before the function has set it.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// Nothing that is read.
    #[default]
    None,
    /// Zero.
    Zero,
    /// What a caller has put into this local: the number stays.
    Given,
}

/// What an operator does with a local.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Get(u32),
    Set(u32),
    Tee(u32),
}

impl Use {
    pub(super) fn of(operator: &Operator<'_>) -> Option<Self> {
        match *operator {
            Operator::LocalGet { local_index } => Some(Self::Get(local_index)),
            Operator::LocalSet { local_index } => Some(Self::Set(local_index)),
            Operator::LocalTee { local_index } => Some(Self::Tee(local_index)),
            _ => None,
        }
    }

    pub(super) fn local(self) -> u32 {
        match self {
            Self::Get(local) | Self::Set(local) | Self::Tee(local) => local,
        }
    }

    fn set(self) -> Option<u32> {
        match self {
            Self::Get(_) => None,
            Self::Set(local) | Self::Tee(local) => Some(local),
        }
    }
}

impl Webs {
    /// Finds the webs of a function with so many parameters, and so many locals with them.
    pub(super) fn of(operators: &[Operator<'_>], params: usize, locals: usize) -> Self {
        let uses: Vec<Option<Use>> = operators.iter().map(Use::of).collect();
        if locals > LOCALS_MAX {
            return Self {
                used: vec![None; uses.len()],
                webs: Vec::new(),
            };
        }
        let next = successors(operators);
        let lives = Lives::of(&uses, &next);
        let mut joined = lives.joined(&uses, &next);
        let mut found = Found {
            webs: Vec::new(),
            numbers: vec![None; joined.0.len()],
        };
        for local in bits(lives.before[0]) {
            let web = found.number(joined.root(lives.node(0, local)), local);
            found.webs[web].start = match (local as usize) < params {
                true => Start::Given,
                false => Start::Zero,
            };
        }
        let mut used = vec![None; uses.len()];
        for (at, one) in uses.iter().enumerate() {
            let Some(one) = one else { continue };
            let local = one.local();
            let Some(set) = one.set() else {
                used[at] = Some(found.number(joined.root(lives.node(at, local)), local));
                continue;
            };
            let web = found.number(joined.root(lives.first[at]), set);
            used[at] = Some(web);
            let others: Vec<usize> = bits(lives.after(at, &next) & !(1 << set))
                .map(|other| found.number(joined.root(lives.node(at, other)), other))
                .collect();
            found.part(web, &others);
        }
        for web in &mut found.webs {
            web.apart.sort_unstable();
            web.apart.dedup();
        }
        Self {
            used,
            webs: found.webs,
        }
    }
}

/// The webs that were found so far.
struct Found {
    webs: Vec<Web>,
    /// The web of each node that stands for one.
    numbers: Vec<Option<usize>>,
}

impl Found {
    fn number(&mut self, root: usize, local: u32) -> usize {
        *self.numbers[root].get_or_insert_with(|| {
            self.webs.push(Web {
                local,
                ..Web::default()
            });
            self.webs.len() - 1
        })
    }

    fn part(&mut self, web: usize, others: &[usize]) {
        for &other in others {
            self.webs[web].apart.push(other);
            self.webs[other].apart.push(web);
        }
    }
}

/// Which locals are still to be read, as bits; and a *node* for each of them at each operator.
struct Lives {
    /// Those before each operator.
    before: Vec<u128>,
    /// The first node of each operator, which stands for what it sets; those of the locals follow.
    first: Vec<usize>,
    nodes: usize,
}

impl Lives {
    fn of(uses: &[Option<Use>], next: &[Vec<usize>]) -> Self {
        let mut lives = Self {
            before: vec![0; uses.len()],
            first: Vec::with_capacity(uses.len()),
            nodes: 0,
        };
        let mut is_settled = false;
        while !is_settled {
            is_settled = true;
            for at in (0..uses.len()).rev() {
                let after = lives.after(at, next);
                let before = match uses[at] {
                    Some(Use::Get(local)) => after | (1 << local),
                    Some(Use::Set(local) | Use::Tee(local)) => after & !(1 << local),
                    None => after,
                };
                is_settled &= lives.before[at] == before;
                lives.before[at] = before;
            }
        }
        for before in &lives.before {
            lives.first.push(lives.nodes);
            lives.nodes += 1 + before.count_ones() as usize;
        }
        lives
    }

    fn after(&self, at: usize, next: &[Vec<usize>]) -> u128 {
        (next[at].iter()).fold(0, |lives, &next| lives | self.before[next])
    }

    /// The node of a local that is still to be read at an operator.
    fn node(&self, at: usize, local: u32) -> usize {
        let lower = self.before[at] & ((1 << local) - 1);
        self.first[at] + 1 + lower.count_ones() as usize
    }

    /// Joins the nodes between which a value stays.
    fn joined(&self, uses: &[Option<Use>], next: &[Vec<usize>]) -> Joined {
        let mut joined = Joined((0..self.nodes).collect());
        for (at, nexts) in next.iter().enumerate() {
            let set = uses[at].and_then(Use::set);
            for &next in nexts {
                for local in bits(self.before[next]) {
                    let node = match set == Some(local) {
                        true => self.first[at],
                        false => self.node(at, local),
                    };
                    joined.join(node, self.node(next, local));
                }
            }
        }
        joined
    }
}

fn bits(mut set: u128) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < u128::BITS).then_some(bit)
    })
}

/// Nodes that were joined: each knows one nearer to that which stands for all.
struct Joined(Vec<usize>);

impl Joined {
    fn root(&mut self, mut node: usize) -> usize {
        while self.0[node] != node {
            self.0[node] = self.0[self.0[node]];
            node = self.0[node];
        }
        node
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// A block that is open.
#[derive(Default)]
struct Block {
    /// Where a loop begins.
    start: Option<usize>,
    /// Operators that go to its end.
    leaving: Vec<usize>,
    /// The `if` whose `else` has not come.
    condition: Option<usize>,
}

/// The operators that may come after each, in the first version of WebAssembly.
fn successors(operators: &[Operator<'_>]) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); operators.len()];
    let mut blocks = vec![Block::default()];
    for (at, operator) in operators.iter().enumerate() {
        let mut targets = Vec::new();
        let mut goes_on = true;
        match operator {
            Operator::Block { .. } => blocks.push(Block::default()),
            Operator::Loop { .. } => blocks.push(Block {
                start: Some(at),
                ..Block::default()
            }),
            Operator::If { .. } => blocks.push(Block {
                condition: Some(at),
                ..Block::default()
            }),
            Operator::Else => {
                if let Some(block) = blocks.last_mut() {
                    next[block.condition.take().unwrap_or(at)].push(at + 1);
                    block.leaving.push(at);
                }
                goes_on = false;
            }
            Operator::End => {
                let block = blocks.pop().unwrap_or_default();
                for leaving in block.leaving.into_iter().chain(block.condition) {
                    next[leaving].push(at);
                }
                goes_on = !blocks.is_empty();
            }
            Operator::Br { relative_depth } => {
                targets.push(*relative_depth);
                goes_on = false;
            }
            Operator::BrIf { relative_depth } => targets.push(*relative_depth),
            Operator::BrTable { targets: table } => {
                targets.extend(table.targets().flatten());
                targets.push(table.default());
                goes_on = false;
            }
            Operator::Return | Operator::Unreachable => goes_on = false,
            _ => {}
        }
        if goes_on {
            next[at].push(at + 1);
        }
        for depth in targets {
            let block = blocks.len() - 1 - depth as usize;
            match blocks[block].start {
                Some(start) => next[at].push(start),
                None => blocks[block].leaving.push(at),
            }
        }
    }
    next
}
