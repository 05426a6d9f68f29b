//! `tisync status --watch`: the status as it changes.
use super::rates::Rates;
use super::rows::rows;
use super::seen::Seen;
use super::words::line;
use crate::command::serve::interrupted;
use crate::exit::{Code, Failure};
use crate::output::{Look, Out};
use crate::screen::Screen;
use crate::text;
use std::time::{Duration, Instant};
use tisync::{LeaseState, Replica};

/// Milliseconds between two draws when nothing changes: ages grow, and a person sees that it lives.
const TICK_MS: u64 = 1_000;
/// One after the other: a sign of life.
const SIGNS: [char; 4] = ['|', '/', '-', '\\'];

/// Shows the status until interrupted: a screen on a terminal, else a line whenever something has changed.
pub(crate) fn watch(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut view = View::new(out)?;
        let mut health = replica.watch_health();
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        let interrupted = interrupted();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                () = &mut interrupted => return Ok(Code::Ok),
                answer = health.next() => match answer {
                    Some(answer) => drop(answer?),
                    None => return Ok(Code::Ok),
                },
                _ = tick.tick() => view.draws += 1,
            }
            view.show(&Seen::of(replica)?, out)?;
        }
    })
}

struct View {
    screen: Option<Screen>,
    rates: Rates,
    draws: usize,
    last: Option<Seen>,
}

impl View {
    fn new(out: &Out) -> Result<Self, Failure> {
        Ok(View {
            screen: out.is_screen().then(Screen::open).transpose()?,
            rates: Rates::default(),
            draws: 0,
            last: None,
        })
    }

    fn show(&mut self, seen: &Seen, out: &Out) -> Result<(), Failure> {
        if let Some(screen) = &mut self.screen {
            self.rates.note(seen, Instant::now());
            let sign = SIGNS[self.draws % SIGNS.len()];
            let title = format!(
                "tisync status  {}  {sign}  Ctrl-C ends it",
                text::time(text::now_ms())
            );
            let mut lines = vec![out.look(Look::Dim, title), String::new()];
            lines.extend(rows(seen, self.rates.words().as_deref(), out));
            return Ok(screen.draw(&lines)?);
        }
        let mut seen = seen.at_rest();
        if !out.is_json() {
            // It would be a line a second while much goes on.
            seen.traffic = None;
            if let LeaseState::Elsewhere(Some(holder)) = &mut seen.lease {
                holder.traffic = tisync::Totals::default();
            }
        }
        if self.last.as_ref() == Some(&seen) {
            return Ok(());
        }
        out.line(format!(
            "{}  {}",
            text::time(text::now_ms()),
            line(&seen.health)
        ));
        out.object(&seen.object()?)?;
        self.last = Some(seen);
        Ok(())
    }
}
