//! The deliveries of pending entries are almost used up.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a pending entry has been delivered as often as `max_deliveries` allows, or one time less",
    why: "Each attempt failed or crashed its worker: the next failure moves the entry to the dead-letter stream, or crashes another worker.",
    remedy: "See the entry with `get`, and why it fails with `pending`; `dlq add` moves it to the dead-letter stream.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let spec = scope.spec_of(group);
        let (most, near) = (spec.max_deliveries, spec.poison_deliveries());
        let is_near = |it: &&PendingEntry| it.deliveries >= near && !is_fatal(it.deliveries);
        let poison: Vec<_> = details.oldest.iter().filter(is_near).collect();
        let Some(worst) = poison.iter().max_by_key(|it| it.deliveries) else {
            continue;
        };
        let summary = format!(
            "{} has been delivered {} times, of at most {most}{}",
            worst.id, worst.deliveries,
            match poison.len() {
                1 => String::new(),
                all => format!("; {all} of its {} oldest pending entries have {near} deliveries or more", details.oldest.len()),
            }
        );
        let ids = poison.iter().take(NAMED_MAX);
        let next = ids.fold(scope.command("dlq add", group), |line, it| line.arg(it.id.to_string())).option("--reason", "poison");
        found.push(Finding::of_group(Severity::Warning, group, summary, &next)
            .with("deliveries", worst.deliveries.to_string(), "XPENDING")
            .with("max_deliveries", most.to_string(), "the topology"));
    }
    found
}
