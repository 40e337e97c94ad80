//! Something could not be looked at.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the user's ACL hides something that a rule looks at",
    why: "Whatever is wrong there is not found: silence does not mean that all is well.",
    remedy: "Give the user the rule that `acl doctor` prints.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let unseen = scope.details().into_iter().flat_map(|it| &it.unseen);
    unseen.map(|it| {
        let summary = format!("not looked at: {}, since the server says: {}", it.what, it.error);
        let next = CommandLine::new("acl").arg("doctor");
        Finding::of_server(Severity::Unknown, summary, &next).with("denied", it.what.as_str(), "ACL")
    })
    .collect()
}
