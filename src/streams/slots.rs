//! Hash slots: a cluster runs no script whose keys are in several slots, even when one node has all of them. An
//! operation with such scripts asks the server first, so that nothing is left half done.

use crate::model::{Name, Problem};
use crate::wire::{Connection, Error, ErrorKind, exist_together};

/// The keys among `others` that a script cannot change together with `stream`; none outside of a cluster.
///
/// # Errors
/// A lost connection, or a server that is not ready. A key that this user may not access is reported by a later
/// command.
pub async fn apart(
    connection: &Connection,
    stream: &Name,
    others: &[Name],
) -> Result<Vec<Name>, Error> {
    let tries = others
        .iter()
        .map(|other| exist_together(stream, other))
        .collect();
    let mut apart = Vec::new();
    for (other, tried) in others.iter().zip(connection.run_all(tries).await?) {
        match tried {
            Err(error) if error.kind == ErrorKind::CrossSlot => apart.push(other.clone()),
            Err(error) if error.kind == ErrorKind::NotReady => return Err(error),
            _ => {}
        }
    }
    Ok(apart)
}

/// The error that `who` cannot work because keys are `apart` from `stream`.
pub fn refusal(who: &str, stream: &Name, apart: &[Name]) -> Problem {
    let (is_are, slots) = match apart.len() {
        1 => ("is", "a hash slot"),
        _ => ("are", "hash slots"),
    };
    Problem::usage(format!(
        "{who}: {} {is_are} in {slots} of this cluster other than that of `{stream}`, and no script can change them \
         together; nothing was read or written",
        listed(apart)
    ))
    .hint(way_out(stream, apart))
}

fn way_out(stream: &Name, apart: &[Name]) -> String {
    let would_do: Vec<Name> = apart
        .iter()
        .map(|key| stream.derived(format!(":{}", bare(key))))
        .collect();
    if would_do
        .iter()
        .any(|name| name.hash_tag() != stream.hash_tag())
    {
        return format!(
            "no other key can share the slot of `{stream}`; name the stream {{…}}, with a plain word in the braces, \
                so that other keys can share its slot"
        );
    }
    format!(
        "these names would be in its slot: {}; or use a server outside of a cluster",
        listed(&would_do)
    )
}

/// A key's name as text, without characters that could be taken for a hash tag.
fn bare(key: &Name) -> String {
    String::from_utf8_lossy(key.as_bytes()).replace(['{', '}'], "")
}

fn listed(names: &[Name]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_keys_and_what_would_do() {
        let problem = refusal(
            "ingest",
            &"events.raw".into(),
            &["events.normalized".into()],
        );
        assert!(problem.message.contains("`events.normalized`"), "{problem}");
        let hint = problem.hint.expect("a way out");
        assert!(hint.contains("`{events.raw}:events.normalized`"), "{hint}");
    }

    #[test]
    fn a_name_that_nothing_can_share_a_slot_with_is_said_to_be_one() {
        let problem = refusal("worker", &"a}b".into(), &["{a}b}:dlq".into()]);
        let hint = problem.hint.expect("a way out");
        assert!(hint.contains("no other key"), "{hint}");
    }
}
