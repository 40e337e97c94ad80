//! Reads plain values from the JSON that reports print, for reports that were kept and are read again.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::encoded::decoded;
use super::{EntryId, Lag, Name, Time, Written};

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Name;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name, or its bytes as {\"base64\": …}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name::from(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Name, A::Error> {
                let mut bytes = None;
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    if key == "base64" {
                        let base64: Cow<'_, str> = map.next_value()?;
                        bytes = decoded(&base64);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                bytes
                    .map(Name::new)
                    .ok_or_else(|| A::Error::custom("a name without valid base64"))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let ms = match Written::parse(&text) {
            Some(Written::Instant(instant)) => u64::try_from(instant.unix_ms()).ok(),
            _ => None,
        };
        let no_time = || D::Error::custom(format!("`{text}` is not a time"));
        ms.map(Self::from_ms).ok_or_else(no_time)
    }
}

impl<'de> Deserialize<'de> for Lag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kept<'k> {
            entries: Option<u64>,
            #[serde(borrow)]
            quality: Cow<'k, str>,
        }
        let kept = Kept::deserialize(deserializer)?;
        match (kept.entries, &*kept.quality) {
            (Some(entries), "known") => Ok(Self::Known(entries)),
            (Some(entries), "at_most") => Ok(Self::AtMost(entries)),
            (Some(entries), "at_least") => Ok(Self::AtLeast(entries)),
            (None, "unknown") => Ok(Self::Unknown),
            (_, quality) => {
                let text = format!("no number of entries is of the quality `{quality}`");
                Err(D::Error::custom(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
        let json = serde_json::to_vec(value).expect("serializes");
        let read: T = serde_json::from_slice(&json).expect("is read");
        assert_eq!(read, *value);
    }

    proptest! {
        #[test]
        fn what_a_report_prints_is_read_back(
            name in any::<Vec<u8>>(),
            (ms, seq) in any::<(u64, u64)>(),
            time_ms in 0..253_402_300_799_999_u64,
        ) {
            same(&Name::new(name));
            same(&EntryId::new(ms, seq));
            same(&Time::from_ms(time_ms));
            for lag in [Lag::Known(ms), Lag::AtMost(ms), Lag::AtLeast(ms), Lag::Unknown] {
                same(&lag);
            }
        }
    }

    #[test]
    fn what_no_report_prints_is_refused() {
        assert!(serde_json::from_str::<Name>(r#"{"base64":"?"}"#).is_err());
        assert!(serde_json::from_str::<Name>("{}").is_err());
        assert!(serde_json::from_str::<EntryId>(r#""x""#).is_err());
        assert!(serde_json::from_str::<Time>(r#""2026-01-31""#).is_err());
        assert!(serde_json::from_str::<Time>(r#""1969-01-31T00:00:00Z""#).is_err());
        assert!(serde_json::from_str::<Lag>(r#"{"entries":null,"quality":"known"}"#).is_err());
        assert!(serde_json::from_str::<Lag>(r#"{"entries":1,"quality":"about"}"#).is_err());
    }
}
