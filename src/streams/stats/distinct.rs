//! The number of different values: exact as long as there are few, otherwise an estimate (`HyperLogLog`) that takes a
//! fixed amount of memory. Pure.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};

use serde::Serialize;

use crate::model::Cell;

/// The greatest number of values that are counted exactly.
const EXACT_MAX: usize = 2048;
/// The number of bits of a hash that select a register.
const CHOOSING_BITS: u32 = 14;
const REGISTERS: usize = 1 << CHOOSING_BITS;

/// The number of different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Distinct {
    /// The number of different values.
    pub values: u64,
    /// Whether the number is an estimate; its error is typically 1 percent, and nearly always at most 3 percent.
    pub is_estimate: bool,
}

impl From<Distinct> for Cell {
    fn from(distinct: Distinct) -> Self {
        if distinct.is_estimate {
            Self::About(distinct.values)
        } else {
            Self::Count(distinct.values)
        }
    }
}

/// Counts different values by their hashes.
#[derive(Clone, Debug)]
pub(super) enum DistinctValues {
    Few(HashSet<u64>),
    /// For each register, one more than the greatest number of zeros with which a hash began.
    Many(Box<[u8]>),
}

impl Default for DistinctValues {
    fn default() -> Self {
        Self::Few(HashSet::new())
    }
}

/// The hash of a value.
pub(super) fn hash_of(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.finish()
}

impl DistinctValues {
    /// Counts the value that has this hash.
    pub(super) fn count(&mut self, hash: u64) {
        match self {
            Self::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let mut registers = vec![0; REGISTERS].into_boxed_slice();
                    for hash in hashes.iter() {
                        note(&mut registers, *hash);
                    }
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => note(registers, hash),
        }
    }

    /// The number of different values.
    pub(super) fn distinct(&self) -> Distinct {
        match self {
            Self::Few(hashes) => Distinct {
                values: hashes.len() as u64,
                is_estimate: false,
            },
            Self::Many(registers) => Distinct {
                values: estimate(registers),
                is_estimate: true,
            },
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a register's number is small"
)]
fn note(registers: &mut [u8], hash: u64) {
    let register = (hash >> (u64::BITS - CHOOSING_BITS)) as usize;
    let rest = hash << CHOOSING_BITS | 1 << (CHOOSING_BITS - 1);
    let zeros = rest.leading_zeros() as u8 + 1;
    registers[register] = registers[register].max(zeros);
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which is positive"
)]
fn estimate(registers: &[u8]) -> u64 {
    let all = registers.len() as f64;
    let sum: f64 = registers
        .iter()
        .map(|it| 0.5_f64.powi(i32::from(*it)))
        .sum();
    let alpha = 0.7213 / (1.0 + 1.079 / all);
    let raw = alpha * all * all / sum;
    let empty = memchr::memchr_iter(0, registers).count();
    let estimate = if raw <= 2.5 * all && empty > 0 {
        all * (all / empty as f64).ln()
    } else {
        raw
    };
    estimate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_and_many_estimated() {
        let mut values = DistinctValues::default();
        let mut counted = 0_u64;
        for (upto, is_estimate) in [
            (7, false),
            (2_048, false),
            (2_049, true),
            (20_000, true),
            (60_000, true),
            (300_000, true),
        ] {
            while counted < upto {
                values.count(hash_of(format!("value {counted}").as_bytes()));
                values.count(hash_of(b"value 0"));
                counted += 1;
            }
            let told = values.distinct();
            assert_eq!(told.is_estimate, is_estimate, "{upto}");
            let off = told.values.abs_diff(upto);
            let off_max = if is_estimate { upto * 3 / 100 } else { 0 };
            assert!(off <= off_max, "{told:?} for {upto}");
        }
    }
}
