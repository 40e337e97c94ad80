//! The user may not read something that a rule needs.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the user may not read something that a rule needs",
    why: "Problems there are not found, so a report without findings does not mean that there are none.",
    remedy: "Give the user the rule that `acl doctor` prints.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let unseen = scope.details().into_iter().flat_map(|it| &it.unseen);
    unseen.map(|it| {
        let summary = format!("could not read {}: the server says: {}", it.what, it.error);
        let next = CommandLine::new("acl").arg("doctor");
        Finding::of_server(Severity::Unknown, summary, &next).with("denied", it.what.as_str(), "ACL")
    })
    .collect()
}
