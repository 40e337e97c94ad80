//! The test of the tests: bugs planted in the worker, each of which a scenario and the checker must find; and that no
//! other build has them. `make chaos-selftest` runs it.

use std::fs;
use std::path::Path;

#[test]
fn no_feature_brings_planted_bugs_along() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest: toml_edit::DocumentMut = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let features = manifest["features"].as_table().unwrap();
    assert!(features.contains_key("planted-bugs"));
    for (name, brings) in features {
        let brings = brings.to_string();
        assert!(!brings.contains("planted-bugs"), "feature {name}: {brings}");
    }
}

/// The variable's name is in a build that looks for it.
#[test]
fn this_build_looks_for_planted_bugs_only_where_it_was_built_to() {
    let binary = fs::read(env!("CARGO_BIN_EXE_ucp-streams")).unwrap();
    let name = crate::fleet::PLANTED.as_bytes();
    let looks = binary.windows(name.len()).any(|part| part == name);
    assert_eq!(looks, cfg!(feature = "planted-bugs"));
}

#[cfg(feature = "planted-bugs")]
mod bugs {
    use std::time::Duration;

    use crate::check::Rule;
    use crate::promises::{
        busy_service, escapes, heavy, hurried, isolation, long_reasons, lookalikes, one_at_a_time,
        ordered, outage, single, slow_backoff, succession, the_service, trimmed_unread, unlike,
        unlike_policies, wide_copies,
    };
    use crate::scenarios::{
        Scenario, contention, copies, failures, full_dead_letters, handlers, lost_deliveries,
        many_copies, one_active, shared_work, unanswered_dead_letter,
    };
    use crate::world::World;

    /// With `bug` planted, the checker must find that `rule` was broken.
    fn caught(bug: &'static str, mut world: World, scenario: Scenario, rule: Rule) {
        world.planted = Some(bug);
        world.patience = Duration::from_secs(12);
        let verdict = scenario(&mut world);
        let found = verdict.violations.iter().find(|it| it.rule == rule);
        match found {
            Some(violation) => println!(
                "{bug}, {} violations: {violation}",
                verdict.violations.len()
            ),
            None => panic!(
                "{bug} was not caught as {rule:?}: {:#?}",
                verdict.violations
            ),
        }
    }

    #[test]
    fn swapped_dead_letter() {
        caught(
            "swapped-dead-letter",
            handlers(1),
            full_dead_letters,
            Rule::Lost,
        );
    }

    #[test]
    fn no_owner_check() {
        caught("no-owner-check", handlers(4), contention, Rule::Duplicate);
    }

    #[test]
    fn no_recovery() {
        caught("no-recovery", handlers(1), lost_deliveries, Rule::NoAttempt);
    }

    #[test]
    fn no_take_over() {
        caught("no-take-over", handlers(2), contention, Rule::LeftOver);
    }

    #[test]
    fn early_acknowledgement() {
        caught("early-acknowledgement", handlers(2), failures, Rule::Lost);
    }

    #[test]
    fn multi_dead_letter() {
        caught(
            "multi-dead-letter",
            handlers(1),
            full_dead_letters,
            Rule::Lost,
        );
    }

    #[test]
    fn unfenced_dead_letter() {
        caught(
            "unfenced-dead-letter",
            handlers(1),
            unanswered_dead_letter,
            Rule::DeadTwice,
        );
    }

    #[test]
    fn maxlen_trim() {
        caught("maxlen-trim", handlers(2), failures, Rule::Tombstone);
    }

    #[test]
    fn no_lease() {
        caught("no-lease", one_active(), shared_work, Rule::TwoActive);
    }

    #[test]
    fn no_retry_after() {
        caught("no-retry-after", the_service(), busy_service, Rule::Early);
    }

    #[test]
    fn outage_counts() {
        caught("outage-counts", the_service(), outage, Rule::WronglyDead);
    }

    #[test]
    fn group_only() {
        caught("group-only", hurried(), escapes, Rule::Outlived);
    }

    #[test]
    fn any_fields() {
        caught("any-fields", handlers(1), lookalikes, Rule::Mistold);
    }

    #[test]
    fn crowded_lone() {
        caught("crowded-lone", handlers(1), isolation, Rule::NotAlone);
    }

    #[test]
    fn first_words() {
        caught("first-words", handlers(1), long_reasons, Rule::WrongReason);
    }

    #[test]
    fn last_first() {
        caught("last-first", one_at_a_time(), ordered, Rule::Disorder);
    }

    #[test]
    fn no_backoff() {
        caught("no-backoff", handlers(2), slow_backoff, Rule::Early);
    }

    #[test]
    fn own_claim_idle() {
        caught("own-claim-idle", unlike(), unlike_policies, Rule::Shared);
    }

    #[test]
    fn no_loss_look() {
        caught("no-loss-look", handlers(1), trimmed_unread, Rule::Lost);
    }

    #[test]
    fn no_inheritance() {
        caught("no-inheritance", single(), succession, Rule::Disorder);
    }

    #[test]
    fn unbounded_replies() {
        caught("unbounded-replies", wide_copies(), heavy, Rule::Memory);
    }

    #[test]
    fn cut_outputs() {
        caught("cut-outputs", copies(), many_copies, Rule::Lost);
    }
}
