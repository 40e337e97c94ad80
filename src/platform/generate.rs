//! Generates a day of the platform's traffic: the same seed gives the same day, byte for byte.

use serde_json::json;

use super::{
    ALL_PREDICTIONS, EVENT_TYPES, EVENTS_RAW, MERGE_REQUESTS, PREDICTION_REQUESTS, PREDICTIONS,
};
use crate::model::Time;

/// One entry to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The stream it is for.
    pub stream: &'static str,
    /// The time of the event.
    pub time: Time,
    /// Its fields, complete.
    pub fields: Vec<(&'static str, String)>,
}

const DAY_MS: u64 = 86_400_000;
const BRANDS: [&str; 4] = [
    "aurora-coffee",
    "blue-harbour",
    "cedar-and-sons",
    "delta-sport",
];
const FIRST_NAMES: [&str; 8] = [
    "Ada", "Bilal", "Chloé", "Dmitri", "Esra", "Femi", "Grace", "Hiro",
];
const PAGES: [&str; 5] = ["/", "/sale", "/cart", "/product/42", "/account"];
const MESSAGES: [&str; 4] = [
    " Where is my order? ",
    "Thank you 🙏",
    "Do you have this in blue?",
    "Please call me back\n",
];
const CUSTOMERS: u64 = 64;

/// The percentage of merge requests, and that of prediction requests.
const MERGE_PERCENT: u64 = 6;
const PREDICTION_PERCENT: u64 = 9;

/// The entries of a day in order of time; see [`platform_day`].
#[derive(Clone, Debug)]
pub struct PlatformDay {
    dice: Dice,
    starts_ms: u64,
    made: u64,
    count: u64,
}

/// `count` entries over the 24 hours from `starts`: raw events of every type, merge requests for both reasons and
/// prediction requests of every kind, determined by `seed`.
pub fn platform_day(seed: u64, starts: Time, count: u64) -> PlatformDay {
    PlatformDay {
        dice: Dice(seed),
        starts_ms: starts.ms,
        made: 0,
        count,
    }
}

impl Iterator for PlatformDay {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        if self.made == self.count {
            return None;
        }
        let step_ms = (DAY_MS / self.count).max(1);
        let time_ms = (self.made * step_ms).min(DAY_MS - step_ms) + self.dice.below(step_ms);
        let time = Time::from_ms(self.starts_ms.saturating_add(time_ms));
        self.made += 1;
        let roll = self.dice.below(100);
        Some(if roll < MERGE_PERCENT {
            self.merge_request(time)
        } else if roll < MERGE_PERCENT + PREDICTION_PERCENT {
            self.prediction_request(time)
        } else {
            self.raw_event(time)
        })
    }
}

impl PlatformDay {
    fn raw_event(&mut self, time: Time) -> Generated {
        let event_type = *self.dice.pick(&EVENT_TYPES);
        let customer = self.customer();
        let payload = match event_type {
            "purchase" => self.purchase(&customer),
            "page_view" => {
                json!({"url": self.dice.pick(&PAGES), "customer_id": customer.number, "email": customer.email})
            }
            _ => {
                json!({"phone": customer.phone, "text": self.dice.pick(&MESSAGES), "name": customer.name})
            }
        };
        Generated {
            stream: EVENTS_RAW,
            time,
            fields: vec![
                ("event_id", self.dice.uuid(time.ms)),
                ("brand_id", customer.brand.to_owned()),
                ("event_type", event_type.to_owned()),
                ("payload", payload.to_string()),
                ("timestamp", time.to_string()),
            ],
        }
    }

    fn purchase(&mut self, customer: &Customer) -> serde_json::Value {
        let cents = 199 + self.dice.below(25_000);
        let total = format!("{}.{:02}", cents / 100, cents % 100);
        let items = 1 + self.dice.below(4);
        // Some shops send amounts as text.
        let total = match total.parse::<f64>() {
            Ok(number) if self.dice.below(4) > 0 => json!(number),
            _ => json!(total),
        };
        json!({"phone": customer.phone, "email": customer.email, "total": total, "items": items})
    }

    fn merge_request(&mut self, time: Time) -> Generated {
        let (one, other) = (self.customer(), self.dice.below(CUSTOMERS));
        let by_hand = self.dice.below(3) == 0;
        let reason = if by_hand {
            "manual_review"
        } else {
            "identifier_match"
        };
        Generated {
            stream: MERGE_REQUESTS,
            time,
            fields: vec![
                ("brand_id", one.brand.to_owned()),
                (
                    "profile_ids",
                    json!([one.profile, profile_of(other)]).to_string(),
                ),
                ("reason", reason.to_owned()),
                ("requires_manual_review", by_hand.to_string()),
                ("timestamp", time.to_string()),
            ],
        }
    }

    fn prediction_request(&mut self, time: Time) -> Generated {
        let customer = self.customer();
        let kinds = [
            PREDICTIONS[0],
            PREDICTIONS[1],
            PREDICTIONS[2],
            ALL_PREDICTIONS,
        ];
        Generated {
            stream: PREDICTION_REQUESTS,
            time,
            fields: vec![
                ("profile_id", customer.profile),
                ("brand_id", customer.brand.to_owned()),
                ("request_type", (*self.dice.pick(&kinds)).to_owned()),
                ("timestamp", time.to_string()),
            ],
        }
    }

    /// One of the platform's customers, with a phone number and an address in one of the forms that people use.
    fn customer(&mut self) -> Customer {
        let number = self.dice.below(CUSTOMERS);
        let name = *Dice(number).pick(&FIRST_NAMES);
        let address = format!(
            "{}{number}@example.com",
            name.to_lowercase().replace('é', "e")
        );
        let local = 2_000_000 + number * 7919;
        Customer {
            number: 1000 + number,
            name,
            brand: BRANDS[usize::try_from(number % 4).unwrap_or(0)],
            profile: profile_of(number),
            phone: match self.dice.below(3) {
                0 => format!("+49 (0)30 {local}"),
                1 => format!("0049-30-{local}"),
                _ => format!("+4930{local}"),
            },
            email: match self.dice.below(3) {
                0 => format!(" {} ", address.to_uppercase()),
                _ => address,
            },
        }
    }
}

struct Customer {
    number: u64,
    name: &'static str,
    brand: &'static str,
    profile: String,
    phone: String,
    email: String,
}

/// A customer's profile is the same in every day.
fn profile_of(number: u64) -> String {
    Dice(number).uuid(1_700_000_000_000 + number)
}

/// A small pseudorandom generator: a Weyl sequence with mixed bits. Source: Steele, Lea, Flood, "Fast splittable
/// pseudorandom number generators", 2014.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    fn pick<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        let length = u64::try_from(table.len()).unwrap_or(u64::MAX);
        &table[usize::try_from(self.below(length)).unwrap_or(0)]
    }

    /// A UUID of version 7 for the time `ms`.
    fn uuid(&mut self, ms: u64) -> String {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.roll().to_be_bytes());
        random[8..].copy_from_slice(&self.roll().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(ms, &random)
            .into_uuid()
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::platform::normalize::normalize_event;
    use crate::topology::Topology;
    use crate::topology::validate::Checker;

    const STARTS: Time = Time::from_ms(1_733_011_200_000);

    #[test]
    fn every_entry_is_valid_without_a_warning() {
        let topology = Topology::default();
        for entry in platform_day(7, STARTS, 2000) {
            let stream = topology.stream(&entry.stream.into()).expect("built in");
            let owned: Vec<_> = entry
                .fields
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.clone().into_bytes()))
                .collect();
            let checker = Checker {
                strict: true,
                fill_in: None,
                ..Checker::new(Some(stream))
            };
            let record = checker.check_record(owned.clone()).expect("valid");
            assert_eq!((record.fields, record.warnings), (owned, vec![]));
            if entry.stream == EVENTS_RAW {
                normalize_event(&entry.fields, Some(stream), None).expect("normalizes");
            }
        }
    }

    #[test]
    fn a_seed_is_a_day_in_order() {
        let day = |seed| platform_day(seed, STARTS, 500).collect::<Vec<_>>();
        assert_eq!(day(1), day(1));
        assert_ne!(day(1), day(2));
        let times: Vec<_> = day(1).iter().map(|entry| entry.time).collect();
        assert!(times.is_sorted());
        assert!(times[499].ms < STARTS.ms + DAY_MS);
        assert_eq!(platform_day(1, STARTS, 0).count(), 0);
    }

    #[test]
    fn a_day_has_everything_the_platform_knows() {
        let mut values: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for entry in platform_day(3, STARTS, 1000) {
            for (name, value) in entry.fields {
                match name {
                    "event_id" => assert!(ids.insert(value), "ids are distinct"),
                    "event_type" | "reason" | "request_type" | "brand_id" => {
                        values.entry(name).or_default().insert(value);
                    }
                    _ => {}
                }
            }
        }
        let counts: Vec<_> = values
            .iter()
            .map(|(name, set)| (*name, set.len()))
            .collect();
        assert_eq!(
            counts,
            [
                ("brand_id", 4),
                ("event_type", 3),
                ("reason", 2),
                ("request_type", 4)
            ]
        );
    }
}
