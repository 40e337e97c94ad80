//! The partition of a key, as Java's client and all that follow it choose it.

/// The partition of `key` in a topic with `partitions` of them: murmur2 of the key, without its sign, modulo their
/// number. A topic without partitions has none; 0 is returned for it.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff)
        .checked_rem(partitions)
        .unwrap_or(0)
}

/// `MurmurHash2` with the seed of Java's client.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    // The hash takes in only the low 32 bits of the length, as Java's does.
    #[expect(clippy::cast_possible_truncation, reason = "as Java's client does")]
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        mixed = (mixed ^ (mixed >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ mixed;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_of_java() {
        // From the tests of Apache Kafka's `Utils.murmur2`.
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn a_partition_is_one_of_the_topic() {
        assert_eq!(partition_of(b"abc", 12), 479_470_107 % 12);
        assert_eq!(
            partition_of(b"21", 7),
            ((-973_932_308_i32).cast_unsigned() & 0x7fff_ffff) % 7
        );
        assert_eq!(partition_of(b"x", 0), 0);
    }
}
