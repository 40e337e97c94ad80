//! That a group is paused, as it stands on the server. The deadline is in the value: a key that expires could be evicted,
//! and the group would go on.

use serde::{Deserialize, Serialize};

use super::Time;

/// A pause of a group: since when, until when, by whom, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Paused {
    /// Since when, by the server's clock.
    pub since: Time,
    /// Until when, by the server's clock; `None` until it is resumed.
    pub until: Option<Time>,
    /// Who paused it: the user, and the host.
    pub by: String,
    /// Why, as they said; `None` when they did not.
    pub reason: Option<String>,
}

/// The stored form.
#[derive(Deserialize, Serialize)]
struct Kept {
    since_ms: u64,
    #[serde(default)]
    until_ms: Option<u64>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: Option<String>,
}

impl Paused {
    /// The value to store.
    pub fn to_value(&self) -> Vec<u8> {
        let kept = Kept {
            since_ms: self.since.ms,
            until_ms: self.until.map(|it| it.ms),
            by: self.by.clone(),
            reason: self.reason.clone(),
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Parses a stored value; `None` for anything else.
    pub fn of_value(value: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(value).ok()?;
        Some(Self {
            since: Time::from_ms(kept.since_ms),
            until: kept.until_ms.map(Time::from_ms),
            by: kept.by,
            reason: kept.reason,
        })
    }

    /// Whether its deadline has passed, by the server's clock.
    pub fn is_over(&self, now: Time) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The same, unless its deadline has passed.
    pub fn while_on(self, now: Time) -> Option<Self> {
        (!self.is_over(now)).then_some(self)
    }

    /// `since T until T2 by ann@host: the reason`. Names and reasons are other people's text, in which control characters
    /// are shown as escapes.
    pub fn told(&self) -> String {
        let until = self
            .until
            .map_or_else(String::new, |it| format!(" until {it}"));
        let shown = |text: &str| super::escaped(text.as_bytes());
        let by = match self.by.as_str() {
            "" => String::new(),
            by => format!(" by {}", shown(by)),
        };
        let reason = self.reason.as_deref();
        let reason = reason.map_or_else(String::new, |it| format!(": {}", shown(it)));
        format!("since {}{until}{by}{reason}", self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paused(until: Option<u64>) -> Paused {
        Paused {
            since: Time::from_ms(1000),
            until: until.map(Time::from_ms),
            by: "ann@host".to_owned(),
            reason: Some("deploy\u{1b}[2J".to_owned()),
        }
    }

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        for it in [paused(None), paused(Some(2000))] {
            assert_eq!(Paused::of_value(&it.to_value()), Some(it));
        }
        let least = Paused::of_value(br#"{"since_ms":1}"#).expect("a pause");
        assert_eq!((least.until, least.reason), (None, None));
        for other in [&b"on"[..], b"{}", b"1", b""] {
            assert_eq!(Paused::of_value(other), None);
        }
    }

    #[test]
    fn it_is_over_at_its_deadline() {
        assert!(!paused(None).is_over(Time::from_ms(u64::MAX)));
        assert!(!paused(Some(2000)).is_over(Time::from_ms(1999)));
        assert_eq!(paused(Some(2000)).while_on(Time::from_ms(2000)), None);
    }

    #[test]
    fn it_is_told_with_what_is_known() {
        let told = paused(Some(2000)).told();
        let begins = "since 1970-01-01T00:00:01.000Z until 1970-01-01T00:00:02.000Z by ann@host: ";
        assert_eq!(told, format!("{begins}deploy\\x1b[2J"));
        let least = Paused::of_value(br#"{"since_ms":1000}"#).expect("a pause");
        assert_eq!(least.told(), "since 1970-01-01T00:00:01.000Z");
    }
}
