//! How many entries the server removes when it trims whole nodes. It does not say where they begin, but how many there are.
//! Pure.

/// How many entries a node has where nothing else was configured.
const USUAL: u64 = 100;

/// About how many of the `before` entries at the beginning of a stream of `length` entries are in nodes that end there.
/// `nodes` is how many the stream has, and `most` how many entries one has at the most; `None` when that is unknown.
pub(super) fn whole(before: u64, length: u64, (nodes, most): (Option<u64>, Option<u64>)) -> u64 {
    if before >= length {
        return length;
    }
    let usual = most.filter(|it| *it > 0).unwrap_or(USUAL);
    match nodes.and_then(|nodes| per_node(length, nodes, usual)) {
        Some(size) => before / size * size,
        None => before,
    }
}

/// How many entries the nodes have, all but the last of which are full.
fn per_node(length: u64, nodes: u64, usual: u64) -> Option<u64> {
    let least = length.div_ceil(nodes.max(1));
    let most = match nodes.checked_sub(1)? {
        0 => length,
        full => (length.checked_sub(1)? / full).max(least),
    };
    let is_usual = (least..=most).contains(&usual) && nodes > 1;
    let size = if is_usual {
        usual
    } else {
        least.midpoint(most)
    };
    (size > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_nodes_are_removed() {
        for (before, length, nodes, expected) in [
            (250, 1000, Some(10), 200),
            (250, 250, Some(3), 250),
            (99, 1000, Some(10), 0),
            // One node, whose end is kept.
            (249, 250, Some(1), 0),
            // The last one is not full.
            (250, 310, Some(4), 200),
            // Nodes of 60.
            (500, 1000, Some(17), 480),
            (500, 1000, None, 500),
            (0, 0, Some(0), 0),
            (5, 10, Some(0), 5),
        ] {
            assert_eq!(
                whole(before, length, (nodes, None)),
                expected,
                "{before} of {length}"
            );
        }
        assert_eq!(whole(20, 37, (Some(4), Some(10))), 20, "as configured");
    }
}
