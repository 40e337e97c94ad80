//! Acknowledges entries that were written; after a lost reply, repeats this until the result is known.

use anyhow::Result;

use super::{Consumed, Member, Wait};
use crate::model::{CommandLine, Kind, Problem};
use crate::streams::patience::passes;
use crate::streams::tail::Sink;
use crate::wire::{Error, Lease, PendingFilter, acknowledge, xpending_entries};

impl Member<'_> {
    /// Acknowledges only entries that this consumer still holds. Writing may have taken so long that another consumer
    /// claimed an entry, which then must not be acknowledged.
    pub(super) async fn acknowledge(
        &mut self,
        leases: &[Lease],
        wait: Wait,
        sink: &mut impl Sink,
        is_stopped: &impl Fn() -> bool,
        consumed: &mut Consumed,
    ) -> Result<()> {
        if leases.is_empty() {
            return Ok(());
        }
        let mut was_sent = false;
        loop {
            let outcome = self.acknowledged(leases, was_sent).await;
            let error = match outcome {
                Ok(acknowledged) => {
                    consumed.acknowledged += acknowledged;
                    consumed.claimed_away += leases.len() as u64 - acknowledged;
                    return Ok(());
                }
                Err(error) => error,
            };
            if wait == Wait::Forever && passes(&error) {
                was_sent = true;
                match self.go_on(&error, sink, is_stopped).await {
                    // No read was under way: nothing can have been delivered meanwhile.
                    Ok(Some(_)) => continue,
                    Ok(None) => {}
                    Err(error) => return Err(self.explained(error).await),
                }
            }
            if !was_sent && !error.kind.is_outcome_unknown() {
                return Err(self.explained(error).await);
            }
            return Err(self.unknown(leases.len(), error));
        }
    }

    /// How many of the entries are acknowledged now. When an acknowledgement was sent before, entries that this
    /// consumer no longer holds are either pending for another consumer, or were acknowledged by it.
    async fn acknowledged(&self, leases: &[Lease], was_sent: bool) -> Result<u64, Error> {
        let held = self
            .connection
            .call(acknowledge(self.holder(), leases))
            .await?;
        let rest: Vec<Lease> = leases
            .iter()
            .zip(&held)
            .filter(|(_, held)| !**held)
            .map(|(lease, _)| *lease)
            .collect();
        let taken = if was_sent {
            self.taken_away(&rest).await?
        } else {
            rest.len() as u64
        };
        Ok(leases.len() as u64 - taken)
    }

    fn unknown(&self, count: usize, error: Error) -> anyhow::Error {
        let what = format!(
            "{} entries of {} were written, and it is unknown whether they are acknowledged: {error}",
            count, self.target
        );
        let look = CommandLine::new("pending")
            .arg(&self.target.group)
            .option("--stream", &self.target.stream)
            .option("--consumer", self.consumer);
        let problem = Problem::new(Kind::Unknown, what)
            .hint(format!("see which are still pending with `{look}`"));
        anyhow::Error::from(error).context(problem)
    }

    /// How many of the entries are pending for another consumer, after an acknowledgement whose result is unknown.
    async fn taken_away(&self, leases: &[Lease]) -> Result<u64, Error> {
        let one = |(id, _): &Lease| {
            let filter = PendingFilter {
                start: *id,
                end: *id,
                count_max: 1,
                ..PendingFilter::default()
            };
            xpending_entries(&self.target.stream, &self.target.group, &filter)
        };
        let mut count = 0;
        for rows in self
            .connection
            .run_all(leases.iter().map(one).collect())
            .await?
        {
            count += u64::from(!rows?.is_empty());
        }
        Ok(count)
    }
}
