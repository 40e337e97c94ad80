//! The rules: one file each, and one word in the list below. The order of the list is the order of equally bad
//! findings.

mod prelude;

use super::Rule;

/// Declares the rules. Each is a module with its `ABOUT` and its `check`, and the module's name is the rule's name.
macro_rules! rules {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All rules.
        pub static RULES: &[Rule] = &[
            $(Rule { id: stringify!($name), about: $name::ABOUT, check: $name::check }),+
        ];
    };
}

rules! {
    not_a_stream,
    missing,
    ahead,
    lost,
    min_live,
    retries_unread,
    breaker,
    paused,
    max_age,
    max_lag,
    lag_unknown,
    min_room,
    max_pending,
    max_idle,
    max_dead_letters,
    odd_key,
    moved_back,
    ghosts,
    poison,
    pending_near_trim,
    dead_consumer,
    idle_consumers,
    mistyped_group,
    extra_group,
    replay_left,
    cut_off,
    claim_idle_short,
    claim_idle_long,
    future_ids,
    over_maxlen,
    maxlen_small,
    entry_size,
    persistence_failing,
    eviction,
    evicted,
    memory,
    no_maxmemory,
    persistence,
    replica,
    failover,
    flushed,
    restarted,
    clock,
    slow_calls,
    clients,
    not_looked_at,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_speak_in_clauses_and_sentences() {
        for rule in RULES {
            let about = rule.about;
            assert!(
                !about.finds.ends_with('.'),
                "{}: finds is a clause",
                rule.id
            );
            assert!(about.why.ends_with('.'), "{}: why is a sentence", rule.id);
            assert!(
                about.remedy.ends_with('.'),
                "{}: remedy is a sentence",
                rule.id
            );
        }
    }
}
